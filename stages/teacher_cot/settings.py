"""The stage's parameters: who the teacher is, what each role asks of it, and how much of it."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from distil.endpoint import Dialect, Endpoint, Patience
from distil.pipeline.command import Params
from distil.pipeline.records import Level

RoleName = Literal["solver", "distiller", "compressor", "judge"]
ROLES: tuple[RoleName, ...] = get_args(RoleName)


class Role(Dialect):
    """Who plays a role, and how it is sampled."""

    endpoint: str
    model: str
    temperature: float | list[float] | None = None  # one for each attempt, the last for all that follow
    seed: int | None = None  # sent as seed + attempt - 1
    max_tokens: int = Field(ge=1)
    max_tokens_if_truncated: int | None = Field(None, ge=1)  # ask once more with this cap
    expected_tokens: int = Field(500, ge=1)  # a typical reply's length, for the projected cost of a first run

    def temperature_of(self, attempt: int) -> float | None:
        """The temperature of the first, second, ... attempt."""
        if not isinstance(self.temperature, list):
            return self.temperature
        return self.temperature[min(attempt, len(self.temperature)) - 1] if self.temperature else None


class Price(Params):
    """US dollars per million tokens; `cached_input` is for prompt tokens that the provider found in its cache."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)


class Embedded(Params):
    """The embedded teacher: which problems it gets wrong, and how many of them."""

    seed: int
    slip_share: float = Field(ge=0, le=1)


class Settings(Params):
    """The block `teacher_cot` of params.yaml."""

    teacher: Literal["embedded", "openai", "replay"]
    recorded: str
    store: str
    samples_per_problem: int = Field(ge=1)
    levels: dict[Level, float]
    judge: bool
    require_all: bool
    tries: int = Field(ge=1)
    backoff_seconds: tuple[float, float]
    budget_usd: float | None = Field(None, ge=0)
    embedded: Embedded
    endpoints: dict[str, Endpoint]
    roles: dict[RoleName, Role]
    prices: dict[str, Price]

    @property
    def patience(self) -> Patience:
        """How often a request is sent, and how long to wait in between."""
        first, longest = self.backoff_seconds
        return Patience(tries=self.tries, first_wait=first, longest_wait=longest)

    @property
    def roles_played(self) -> tuple[RoleName, ...]:
        """The roles that requests are made for."""
        return ROLES if self.judge else ROLES[:-1]

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.teacher == "replay":
            return self
        for name in self.roles_played:
            if name not in self.roles:
                raise ValueError(f"roles has no {name}")
        for name in self.roles_played:
            role = self.roles[name]
            if role.endpoint not in self.endpoints:
                raise ValueError(f"roles.{name}.endpoint is '{role.endpoint}', which endpoints does not name")
            if self.teacher == "openai" and not self.endpoints[role.endpoint].base_url:
                raise ValueError(f"endpoints.{role.endpoint} needs a base_url")
            if self.budget_usd is not None and role.model not in self.prices:
                raise ValueError(f"budget_usd needs a price for {role.model} in prices")
        return self
