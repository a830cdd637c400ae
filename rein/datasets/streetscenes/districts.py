"""Kinds of district: how a street is built up, planted and used. Data only."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class District:
    """Frequencies of one kind of district; probabilities unless a unit is given.

    Args:
        houses: that a plot along the road carries a house.
        storeys: height of the houses, metres.
        setback: from the pavement to the houses, metres.
        boundary: weights of wall, fence, hedge, barrier and nothing in front of a plot.
        avenue: that a row of trees stands along the pavement.
        verge: that a strip of grass runs along the kerb.
        railing: that a fence runs along the kerb.
        parking: that cars park along one side.
        walkers: mean number of persons on each pavement.
        cyclists: mean number of riders on the road.
        traffic: that the next gap of a lane holds a vehicle.
        vehicles: weights of car, truck, bus and motorcycle in the traffic.
        tram: that a tram runs in the street.
        tall: mean distance between poles, metres.
    """

    houses: float
    storeys: Range
    setback: Range
    boundary: tuple[float, float, float, float, float]
    avenue: float
    verge: float
    railing: float
    parking: float
    walkers: float
    cyclists: float
    traffic: float
    vehicles: tuple[float, float, float, float]
    tram: float
    tall: float


DISTRICTS = {
    'centre': District(
        houses=0.96,
        storeys=(11, 26),
        setback=(0, 0),
        boundary=(0.3, 0.3, 0.1, 0.1, 0.2),
        avenue=0.3,
        verge=0.05,
        railing=0.25,
        parking=0.4,
        walkers=5.0,
        cyclists=1.4,
        traffic=0.65,
        vehicles=(0.58, 0.12, 0.22, 0.08),
        tram=0.5,
        tall=9.0,
    ),
    'residential': District(
        houses=0.85,
        storeys=(6, 14),
        setback=(0, 3.5),
        boundary=(0.35, 0.35, 0.25, 0.0, 0.05),
        avenue=0.6,
        verge=0.35,
        railing=0.1,
        parking=0.7,
        walkers=2.5,
        cyclists=1.4,
        traffic=0.45,
        vehicles=(0.7, 0.14, 0.08, 0.08),
        tram=0.2,
        tall=12.0,
    ),
    'suburb': District(
        houses=0.6,
        storeys=(4, 8),
        setback=(4, 9),
        boundary=(0.3, 0.4, 0.25, 0.0, 0.05),
        avenue=0.4,
        verge=0.7,
        railing=0.05,
        parking=0.4,
        walkers=1.5,
        cyclists=1.2,
        traffic=0.35,
        vehicles=(0.7, 0.14, 0.06, 0.1),
        tram=0.1,
        tall=15.0,
    ),
    'arterial': District(
        houses=0.4,
        storeys=(5, 18),
        setback=(3, 9),
        boundary=(0.3, 0.25, 0.1, 0.3, 0.05),
        avenue=0.25,
        verge=0.5,
        railing=0.4,
        parking=0.05,
        walkers=0.7,
        cyclists=0.8,
        traffic=0.8,
        vehicles=(0.48, 0.3, 0.12, 0.1),
        tram=0.3,
        tall=14.0,
    ),
    'park': District(
        houses=0.15,
        storeys=(5, 10),
        setback=(2, 6),
        boundary=(0.25, 0.45, 0.15, 0.0, 0.15),
        avenue=0.8,
        verge=0.8,
        railing=0.15,
        parking=0.35,
        walkers=2.5,
        cyclists=1.8,
        traffic=0.35,
        vehicles=(0.66, 0.12, 0.12, 0.1),
        tram=0.15,
        tall=14.0,
    ),
}
