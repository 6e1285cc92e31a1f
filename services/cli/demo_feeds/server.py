"""A feed server on localhost for the demo: each outlet's feed up to the day the demo has reached."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.cli.demo_feeds.stories import MEDIA_TYPES, Outlet, Story, load_stories, write_feed


@dataclass
class DemoFeeds:
    """The outlets and their stories; `day` is how far they have been published."""

    day: int = 1
    outlets: tuple[Outlet, ...] = field(init=False)
    stories: tuple[Story, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.outlets, self.stories = load_stories()

    def published(self) -> tuple[Story, ...]:
        """Return the stories that are out by now."""
        return tuple(story for story in self.stories if story.day <= self.day)

    def app(self) -> Starlette:
        """Build the server: `/<outlet id>` answers with that outlet's feed."""

        async def feed(request: Request) -> Response:
            outlet = next((o for o in self.outlets if o.id == request.path_params["outlet"]), None)
            if outlet is None:
                return Response("no such outlet", status_code=404, media_type="text/plain")
            body = write_feed(outlet, self.published(), str(request.base_url).rstrip("/"))
            return Response(body, media_type=MEDIA_TYPES[outlet.format])

        return Starlette(routes=[Route("/{outlet}", feed)])
