"""What a client may ask for, bounded before anything is done."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from genlab.sampling.conditions import typed
from genlab.sampling.request import SampleRequest, Vary

MOST = 64  # samples of one answer
STREAMED = 10_000  # of a stream
STEPS = 32  # in a row
PACKED = MOST * STEPS  # of a ZIP
SEEDS = 2**32

Name = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = (
    Annotated[str, Field(max_length=2_000)]
    | Number
    | Annotated[list[Number], Field(max_length=256)]
)


class Strict(BaseModel):
    """Fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Varied(Strict):
    """A condition that goes along each row: through a label's names, or numbers in even steps."""

    column: Name
    start: Number | None = None
    stop: Number | None = None
    steps: int | None = Field(None, ge=2, le=STEPS)

    def along(self) -> Vary:
        """As `genlab sample` takes it."""
        start, stop = (None if end is None else typed(end) for end in (self.start, self.stop))
        return Vary(self.column, start, stop, self.steps)


class Place(Strict):
    """A sample of an earlier answer: that of this seed and number, at this place."""

    seed: int = Field(0, ge=0, lt=SEEDS)
    n: int = Field(16, ge=1, le=MOST)
    index: int = Field(0, ge=0, lt=MOST)


class Ask(Strict):
    """Samples: the same answer for the same checkpoint, conditions and seed.

    given: a value for columns that the model is given, by name; the others are chosen for you
    truncation: latents within this; guidance: as in `genlab sample`
    vary: `n` rows in which one condition varies; interpolate: so many in a row, between pairs of
        latents; between: one row, between the latents of two samples that were seen before
    """

    n: int = Field(16, ge=1, le=MOST)
    seed: int = Field(0, ge=0, lt=SEEDS)
    given: dict[Name, Value] = Field({}, max_length=64)
    truncation: float | None = Field(None, gt=0, le=100)
    guidance: float | None = Field(None, ge=-100, le=100)
    vary: Varied | None = None
    interpolate: int | None = Field(None, ge=2, le=STEPS)
    between: tuple[Place, Place] | None = None

    def request(self) -> SampleRequest:
        """As `genlab sample` takes it."""
        return SampleRequest(
            n=self.rows,
            seed=self.seed,
            given={name: typed(value) for name, value in self.given.items()},
            truncation=self.truncation,
            interpolate=self.across,
            vary=self.vary and self.vary.along(),
            guidance=self.guidance,
        )

    @property
    def rows(self) -> int:
        """Rows of pictures, or pictures where they are in no rows."""
        return 1 if self.between else self.n

    @property
    def across(self) -> int | None:
        """Latents in a row; None where rows are of no latents."""
        return self.interpolate or (9 if self.between else None)

    @property
    def many(self) -> int:
        """Samples, before the names of a label that varies are known."""
        return self.rows * (self.across or (self.vary.steps or 9 if self.vary else 1))

    def settings(self) -> dict[str, Any]:
        """What is not left at its default, for a picture to say of itself."""
        return self.model_dump(exclude_defaults=True) | {"seed": self.seed}


class AskMany(Ask):
    """Samples in a stream, a line each batch."""

    n: int = Field(1_000, ge=1, le=STREAMED)


class Chosen(Strict):
    """Of a run, samples to be packed: those at some places of the answer, or all."""

    run: Name
    ask: Ask
    at: list[Annotated[int, Field(ge=0, lt=MOST * STEPS)]] | None = Field(None, max_length=MOST)


class Pack(Strict):
    """Samples of one or several runs, as a ZIP of PNGs with their conditions."""

    chosen: list[Chosen] = Field(min_length=1, max_length=64)


class Feedback(Strict):
    """What a person thinks of samples: of one, up or down; of two, which is better, or a tie.

    ask, index: the request and the place of the sample in its answer; other: of the second
    checkpoint: that the answer named; a verdict on one that is no longer served is refused
    """

    ask: Ask
    index: int = Field(ge=0, lt=MOST * STEPS)
    other: int | None = Field(None, ge=0, lt=MOST * STEPS)
    verdict: Annotated[str, Field(pattern="^(up|down|first|second|tie)$")]
    checkpoint: int | None = Field(None, ge=0)


Point = Annotated[list[Annotated[float, Field(ge=-10, le=10)]], Field(max_length=256)]


class Search(Strict):
    """A search for the sample that a person likes best, by choices between two.

    given, seed: what all samples of it share
    duels:       those answered before, as the answers had them; wins: whether the first was better
    """

    given: dict[Name, Value] = Field({}, max_length=64)
    seed: int = Field(0, ge=0, lt=SEEDS)
    duels: list[tuple[Point, Point]] = Field([], max_length=200)
    wins: list[bool] = Field([], max_length=200)


File = Annotated[str, Field(min_length=1, max_length=12_000_000)]  # base64: no more than a body has
Column = Annotated[str, Field(max_length=200)]
Strength = Annotated[float, Field(ge=-10, le=10)]


class Translation(Strict):
    """Pictures of a client, made into another one: repaired, coloured, translated, restyled.

    pictures: PNG, JPEG, WebP, ... files in base64, by column: the one that is changed, and whatever
              else the model is given as a picture: a style, a garment, a mask (white: missing)
    of, to:   the columns, where there are several ways; given: other conditions
    """

    pictures: dict[Name, File] = Field(min_length=1, max_length=8)
    of: Column = ""
    to: Column = ""
    given: dict[Name, Value] = Field({}, max_length=64)
    seed: int = Field(0, ge=0, lt=SEEDS)


class Edit(Strict):
    """A picture of a client, found again by the model and changed: along a direction, or under
    other conditions; without either as the model has it.

    picture:   a PNG, JPEG, WebP, ... file in base64
    given:     its conditions; those that are missing are found with the latents
    direction: "hue=0.6", "sefa:0", ... in standard deviations `by`; to: other conditions
    optimise:  steps of the search; None: none where the model has an encoder, else 200
    """

    picture: File
    given: dict[Name, Value] = Field({}, max_length=64)
    space: Annotated[str, Field(pattern="^(z|w)$")] = "z"
    direction: str = Field("", max_length=200)
    by: list[Strength] = Field([-2.0, -1.0, 0.0, 1.0, 2.0], min_length=1, max_length=9)
    to: dict[Name, Value] = Field({}, max_length=64)
    optimise: int | None = Field(None, ge=0, le=400)
    seed: int = Field(0, ge=0, lt=SEEDS)
