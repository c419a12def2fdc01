"""What the service failed at lately, for its operator."""

from dataclasses import asdict

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from lookalike.service.api import ServiceDep, problems
from lookalike.service.responses import Json

router = APIRouter(tags=["health"])


class AnsweredErrorModel(BaseModel):
    """`route` is the pattern of the path, `request_id` what the log has the request under."""

    time: str = Field(examples=["2026-05-04T10:11:12.345+00:00"])
    route: str = Field(examples=["/embed/image"])
    method: str = Field(examples=["POST"])
    status: int = Field(examples=[422])
    code: str | None = Field(examples=["image_unreadable"])
    request_id: str


class LastErrorsModel(BaseModel):
    """The newest first."""

    errors: list[AnsweredErrorModel]


@router.get(
    "/errors",
    summary="The last errors that were answered",
    description="The last 100 that tell of the service (5xx, 408, 429), and the last 100 others, since it was "
    "started. Open or not as `/metrics` is.",
    responses={**problems(body=False), 200: {"model": LastErrorsModel}},
)
async def last_errors(service: ServiceDep) -> Response:
    return Json({"errors": [asdict(error) for error in service.errors.newest_first()]})
