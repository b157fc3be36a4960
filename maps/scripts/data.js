/* The page's data: read once, arcs unrolled, districts by code. */
const threatkit = {};

(() => {
  const { $, make, draw } = elements;
  const data = JSON.parse(document.getElementById('data').textContent);
  const byCode = new Map(data.districts.map((district, number) => [district.code, { ...district, number }]));
  const districts = [...byCode.values()];

  /** Return arcs as lists of L.LatLng on the plane: latitude is metres north, longitude metres east. */
  function unroll(arcs) {
    const size = data.grid.quantum;
    return arcs.map(steps => {
      let x = 0;
      let y = 0;
      const points = [];
      for (let i = 0; i < steps.length; i += 2) {
        x += steps[i];
        y += steps[i + 1];
        points.push(L.latLng(y * size, x * size));
      }
      return points;
    });
  }

  function ring(arcs, numbers) {
    const points = [];
    for (const number of numbers) {
      const arc = number < 0 ? arcs[~number].slice().reverse() : arcs[number];
      for (let i = points.length ? 1 : 0; i < arc.length; i++) points.push(arc[i]);
    }
    return points;
  }

  const polygons = (arcs, shapes) => new Map(Object.entries(shapes).map(
    ([code, parts]) => [code, parts.map(rings => rings.map(numbers => ring(arcs, numbers)))]));

  const arcs = unroll(data.grid.arcs);
  const shapes = polygons(arcs, data.grid.shapes);
  const afghan = polygons(unroll(data.grid.afghan.arcs), data.grid.afghan.shapes);
  const borders = Array.from({ length: 6 }, (_, kind) => arcs.filter((_, i) => data.grid.kinds[i] === kind));
  const groundArcs = unroll(data.grid.ground.arcs);
  const ground = [...polygons(groundArcs, data.grid.ground.shapes)].map(([key, parts]) => ({ kind: data.grid.ground.kinds[key], parts }));
  const place = at => L.latLng(at[1] * data.grid.quantum, at[0] * data.grid.quantum);

  /* A level is settled where at least six draws in ten lie in it. */
  const settled = district => district.level !== null && district.sure >= 0.6;

  Object.assign(threatkit, {
    facts: data.facts, events: data.events, crossings: data.crossings, values: data.values,
    levels: data.levels, areas: data.areas, labels: data.grid.labels, afghanNames: data.grid.afghan.names,
    districts, byCode, shapes, afghan, ground, borders, place, make, draw, settled, frames: [],
    assessed: districts.filter(district => district.level !== null),
    $,
    number: new Intl.NumberFormat('en'),
  });
})();
