"""The models to ask, their prices and the budget: the part of `teacher_cot` that all stages that ask share."""

from typing import Literal, Self

from pydantic import Field, model_validator

from distil.endpoint import Dialect, Endpoint, Patience
from distil.pipeline.command import Params

RoleName = Literal["solver", "distiller", "compressor", "judge", "reader"]
LENGTHS = ("max_tokens", "max_completion_tokens", "n")
"""Fields of a request that decide how many tokens a reply may have."""


class Role(Dialect):
    """Who plays a role, and how it is sampled."""

    endpoint: str
    model: str
    temperature: float | list[float] | None = None  # one for each attempt, the last for all that follow
    seed: int | None = None  # sent as seed + attempt - 1
    max_tokens: int = Field(ge=1)
    max_tokens_if_truncated: int | None = Field(None, ge=1)  # ask once more with this cap
    expected_tokens: int = Field(500, ge=1)  # a typical reply's length, for the projected cost of a first run

    @model_validator(mode="after")
    def _larger_cap_counts(self) -> Self:
        larger, field = self.max_tokens_if_truncated, self.limit_field
        if larger is None:
            return self
        if larger <= self.max_tokens:
            raise ValueError(f"max_tokens_if_truncated is {larger}, and has to be above max_tokens ({self.max_tokens})")
        for name, fields in (("omit", self.omit), ("extra_body", self.extra_body)):
            if field in fields:  # the second request would be the first one again
                raise ValueError(f"max_tokens_if_truncated is never sent, since {name} has {field}; take one out")
        return self

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


class Teacher(Params):
    """Endpoints, the roles that their models play, prices, the store of all answers and its budget."""

    store: str
    tries: int = Field(ge=1)
    backoff_seconds: tuple[float, float]
    budget_usd: float | None = Field(None, ge=0)
    endpoints: dict[str, Endpoint]
    roles: dict[RoleName, Role]
    prices: dict[str, Price]

    @property
    def patience(self) -> Patience:
        """How often a request is sent, and how long to wait in between."""
        first, longest = self.backoff_seconds
        return Patience(tries=self.tries, first_wait=first, longest_wait=longest)

    def fault_of(self, name: RoleName, *, paid: bool) -> str | None:
        """What a role lacks to be asked, or None.

        A `paid` one needs an address; under a budget every role needs a price, and a cap where that is not 0.
        """
        if name not in self.roles:
            return f"roles has no {name}"
        role = self.roles[name]
        if role.endpoint not in self.endpoints:
            return f"roles.{name}.endpoint is '{role.endpoint}', which endpoints does not name"
        if paid and not self.endpoints[role.endpoint].base_url:
            return f"endpoints.{role.endpoint} needs a base_url"
        if self.budget_usd is not None and role.model not in self.prices:
            return f"budget_usd needs a price for {role.model} in prices"
        uncapped = [f"omit has {field}" for field in role.omit if field == role.limit_field]
        uncapped += [f"extra_body has {field}" for field in LENGTHS if field in role.extra_body]
        if self.budget_usd is not None and self.prices[role.model].output and uncapped:
            return (
                f"budget_usd needs every reply to end at roles.{name}.max_tokens, but roles.{name}.{uncapped[0]}; take "
                "it out, or set budget_usd to null"
            )
        return None
