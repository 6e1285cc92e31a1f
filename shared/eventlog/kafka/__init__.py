"""The event log on Kafka: one log for many processes. The only home of aiokafka.

`address`, `plan`, `standing` and `watchdog` decide and are pure; `client` reaches the brokers, `topics` makes the
topics, `producer` appends, `member` and `reader` read as a group, `scan` reads without one, `log` puts them together,
`inspection` looks at all of it for people.
"""
