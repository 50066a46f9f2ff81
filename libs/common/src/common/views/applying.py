"""`?view=…` on a list: the request as it would have been without the view."""

from uuid import UUID

from fastapi import Request

from common.auth import current_actor
from common.pagination import asking
from common.views.lists import name_of
from common.views.model import ViewOfAnotherList
from common.views.use_cases import get_view


async def with_view(request: Request, path: str) -> Request:
    """The request to the list at `path` with what its view says of all it does not say itself.

    Raises ViewNotFound and ViewOfAnotherList.
    """
    sent = request.query_params.multi_items()
    try:
        view_id = UUID(request.query_params["view"])
    except ValueError:
        # No id of anything: the endpoint says so.
        return request
    view = await get_view(request.state.session, view_id, actor=current_actor())
    if view.of_list != name_of(path):
        raise ViewOfAnotherList(f"the view {view.name!r} is one of {view.of_list}", pointer="/view")
    meant = view.put_into([(name, value) for name, value in sent if name != "view"])
    return asking(request, meant, as_sent=sent)
