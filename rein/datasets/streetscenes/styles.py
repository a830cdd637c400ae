"""The styles: what a scene looks like. Each draws its settings anew for every image.

`game` is narrow, as a game engine is. `night`, `fog`, `rain`, `snow` and `palette` are targets
never trained on. `wild` varies colour, texture, light and sensor far beyond `palette`, but knows
neither darkness with lamps nor fog, rain or snow: what learns from it has not seen a target.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
Rng = np.random.Generator


@dataclass(frozen=True)
class Surfaces:
    """How the parts are coloured.

    Args:
        jitter: standard deviation of an instance's colour, grey levels.
        repaint: share of a random palette in the colours, 0..1.
        strange: probability that a surface takes a texture that is not its material's.
        grain: factor on the contrast of textures.
    """

    jitter: float = 8.0
    repaint: float = 0.0
    strange: float = 0.0
    grain: float = 1.0


@dataclass(frozen=True)
class Light:
    """Sky and sun.

    Args:
        zenith: colour of the upper sky.
        horizon: colour of the lower sky, and of fog.
        clouds: how far clouds cover the sky, 0..1.
        sun: depth of shadows and difference between lit and unlit sides, 0..1.
        day: brightness of what no lamp lights; below 0.5 lamps are on.
    """

    zenith: Colour = (84, 142, 214)
    horizon: Colour = (186, 212, 236)
    clouds: float = 0.3
    sun: float = 0.8
    day: float = 1.0


@dataclass(frozen=True)
class Weather:
    """Fog in 1/m (3 / visibility); wetness, falling rain, lying and falling snow in 0..1."""

    fog: float = 0.0
    wet: float = 0.0
    rain: float = 0.0
    snow: float = 0.0
    flakes: float = 0.0


@dataclass(frozen=True)
class Sensor:
    """The camera's own look.

    Args:
        gain: factors on red, green and blue.
        gamma: exponent on 0..1.
        contrast: factor about the mean.
        saturation: factor about the grey.
        hue: turn about the grey axis, degrees.
        blur: standard deviation, pixels of an image 128 rows high.
        noise: standard deviation, grey levels.
        vignette: loss of light in the corners, 0..1.
        quality: of JPEG compression, 1..100, or None for none.
    """

    gain: Colour = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    blur: float = 0.35
    noise: float = 0.0
    vignette: float = 0.0
    quality: int | None = None


@dataclass(frozen=True)
class Style:
    """All settings of one image."""

    surfaces: Surfaces = Surfaces()
    light: Light = Light()
    weather: Weather = Weather()
    sensor: Sensor = Sensor()


def game(rng: Rng) -> Style:
    """A clear day out of a game engine: clean colours, crisp shadows, no noise."""
    light = Light(clouds=rng.uniform(0.25, 0.6), sun=rng.uniform(0.65, 0.95))
    gain = tuple(rng.uniform(0.97, 1.03, 3) * rng.uniform(1.0, 1.12))
    return Style(Surfaces(jitter=5), light, Weather(fog=0.0015), Sensor(gain=gain))


def night(rng: Rng) -> Style:
    """After dark: lit windows, lamps, headlights on the road, noise of a high gain."""
    glow = rng.uniform(0.6, 1.3)
    light = Light(
        zenith=(5 * glow, 7 * glow, 14 * glow),
        horizon=(26 * glow, 22 * glow, 24 * glow),
        clouds=rng.uniform(0, 0.4),
        sun=0.15,
        day=rng.uniform(0.16, 0.34),
    )
    warm = rng.uniform(0.85, 1.1)
    sensor = Sensor(
        gain=(1.08 * warm, 1.0, 0.9 / warm),
        contrast=rng.uniform(0.95, 1.1),
        saturation=rng.uniform(0.6, 0.9),
        blur=rng.uniform(0.45, 0.8),
        noise=rng.uniform(4, 10),
    )
    return Style(Surfaces(jitter=12), light, Weather(wet=rng.uniform(0, 0.35)), sensor)


def fog(rng: Rng) -> Style:
    """Fog of 60 to 200 m visibility, colours pale."""
    grey = rng.uniform(165, 222)
    sky = (grey, grey * rng.uniform(0.98, 1.02), grey * rng.uniform(0.98, 1.05))
    light = Light(zenith=sky, horizon=sky, clouds=0, sun=0.1)
    sensor = Sensor(
        saturation=rng.uniform(0.55, 0.85), blur=rng.uniform(0.45, 0.8), noise=rng.uniform(1, 4)
    )
    return Style(Surfaces(jitter=12), light, Weather(fog=3 / rng.uniform(60, 200)), sensor)


def rain(rng: Rng) -> Style:
    """Heavy rain: a dark sky, streaks, a road that mirrors."""
    grey = rng.uniform(105, 165)
    light = Light(
        zenith=(grey * 0.72, grey * 0.76, grey * 0.82),
        horizon=(grey, grey * 1.02, grey * 1.06),
        clouds=0.6,
        sun=0.1,
        day=rng.uniform(0.66, 0.9),
    )
    weather = Weather(
        fog=3 / rng.uniform(180, 420), wet=rng.uniform(0.7, 1), rain=rng.uniform(0.5, 1)
    )
    sensor = Sensor(
        gain=(0.97, 1.0, 1.05),
        saturation=rng.uniform(0.55, 0.85),
        blur=rng.uniform(0.5, 0.9),
        noise=rng.uniform(2, 6),
    )
    return Style(Surfaces(jitter=12), light, weather, sensor)


def snow(rng: Rng) -> Style:
    """Snow lies on what faces up and falls from a white sky."""
    grey = rng.uniform(178, 226)
    light = Light(
        zenith=(grey * 0.92, grey * 0.95, grey),
        horizon=(grey, grey, grey * 1.02),
        clouds=0.3,
        sun=rng.uniform(0.05, 0.4),
        day=rng.uniform(0.78, 1.0),
    )
    weather = Weather(
        fog=3 / rng.uniform(180, 600), snow=rng.uniform(0.7, 1), flakes=rng.uniform(0.3, 1)
    )
    sensor = Sensor(
        gain=(0.97, 1.0, 1.05),
        saturation=rng.uniform(0.5, 0.8),
        blur=rng.uniform(0.4, 0.7),
        noise=rng.uniform(1, 5),
    )
    return Style(Surfaces(jitter=12), light, weather, sensor)


def palette(rng: Rng) -> Style:
    """Another world's colours and textures through a noisy sensor."""
    surfaces = Surfaces(
        jitter=rng.uniform(14, 26),
        repaint=rng.uniform(0.45, 0.8),
        strange=0.35,
        grain=rng.uniform(1.3, 2.2),
    )
    base = rng.uniform(90, 220, 3)
    light = Light(
        zenith=tuple(base * rng.uniform(0.6, 1)),
        horizon=tuple(0.5 * base + rng.uniform(60, 120)),
        clouds=rng.uniform(0, 0.9),
        sun=rng.uniform(0.1, 0.9),
    )
    sensor = Sensor(
        gain=tuple(rng.uniform(0.8, 1.2, 3)),
        gamma=rng.uniform(0.75, 1.35),
        saturation=rng.uniform(0.6, 1.3),
        hue=rng.uniform(-35, 35),
        blur=rng.uniform(0.3, 0.9),
        noise=rng.uniform(5, 14),
        vignette=rng.uniform(0, 0.5),
    )
    return Style(surfaces, light, Weather(), sensor)


def wild(rng: Rng) -> Style:
    """Anything: random colours, textures, light and optics, from near-real to abstract."""
    often = rng.random
    surfaces = Surfaces(
        jitter=rng.uniform(5, 45),
        repaint=rng.random() if often() < 0.65 else 1.0,
        strange=rng.random(),
        grain=float(np.exp(rng.uniform(-1.5, 1.9))),
    )
    zenith = rng.uniform(20, 250, 3)
    light = Light(
        zenith=tuple(zenith),
        horizon=tuple(zenith + rng.uniform(-80, 80, 3)),
        clouds=rng.random(),
        sun=rng.uniform(0, 1.2),
        day=rng.uniform(0.6, 1.3),
    )
    sensor = Sensor(
        gain=tuple(np.exp(rng.uniform(-0.4, 0.4, 3))),
        gamma=float(np.exp(rng.uniform(-0.6, 0.45))),
        contrast=rng.uniform(0.45, 1.5),
        saturation=rng.uniform(0, 1.6),
        hue=rng.uniform(-180, 180) if often() < 0.3 else rng.uniform(-25, 25),
        blur=rng.uniform(0.2, 1.5),
        noise=rng.uniform(0, 16) if often() < 0.6 else 0.5,
        vignette=rng.uniform(0, 0.8) if often() < 0.3 else 0.0,
        quality=int(rng.integers(20, 80)) if often() < 0.25 else None,
    )
    return Style(surfaces, light, Weather(), sensor)


SAMPLERS: dict[str, Callable[[Rng], Style]] = {
    'game': game,
    'night': night,
    'fog': fog,
    'rain': rain,
    'snow': snow,
    'palette': palette,
    'wild': wild,
}
STYLES = tuple(SAMPLERS)
