/* The views of the map: the class and the hatch of a district, and what is said of it. */
(() => {
  const { data, say, number, districts, share, levelOf, reached, edgeText, count } = report;
  const state = { view: 'level', edge: data.draws.levels[2], part: 0, draw: 0, hatch: true, circles: false };
  const byKey = new Map(data.views.map(view => [view.key, view]));

  const among = (limits, value) => {
    let n = 0;
    while (n < limits.length && value >= limits[n]) n++;
    return n;
  };

  /* Views that move under the reader's hand; the others hold their classes. */
  const moving = {
    above: {
      of: i => among(byKey.get('above').limits, share(i, state.edge)),
      hatch: () => 0,
      finding() {
        const [low, high] = reached(state.edge);
        return say('above', { low: number(low), high: number(high), total: number(report.assessed.length), limit: edgeText(state.edge) });
      },
      value: district => say('aboveValue', { n: number(100 * share(district.i, state.edge)), limit: edgeText(state.edge) }),
    },
    reasons: {
      of: i => among(byKey.get('reasons').factors, districts[i].parts[state.part][0]),
      hatch: i => districts[i].parts[state.part][3],
      finding: () => byKey.get('reasons').choices[state.part].finding,
      value: district => `${data.parts[state.part].label}: ${district.parts[state.part][4]}${district.parts[state.part][3] ? `; ${say('assumed')}` : ''}`,
    },
    draws: {
      of: i => levelOf(i, state.draw),
      hatch: () => 0,
      finding: () => say('drawTitle', { n: number(state.draw + 1), total: number(count) }),
      value: district => say('level', { n: levelOf(district.i, state.draw) + 1 }),
    },
  };
  const values = {
    level: district => `${district.levelText} · ${district.chance}`,
    chance: district => district.chance,
    certainty: district => `${say('score')}: ${district.index}`,
    place: district => `${say('place')}: ${district.rankText}`,
    change: district => (district.change ? district.change[0] : say('notAssessedShort')),
  };

  /** Return the view that is shown, as functions of a district's number. */
  function current() {
    const view = byKey.get(state.view);
    const own = moving[state.view] || {};
    return {
      ...view,
      of: own.of || (i => view.of[i]),
      hatch: own.hatch || (i => view.hatch[i]),
      finding: own.finding || (() => view.finding),
      value: own.value || values[state.view],
    };
  }

  /** Return the class of each district that is assessed (-1: none) and its hatch. */
  function paint(view) {
    const n = districts.length;
    const of = new Int8Array(n).fill(-1);
    const hatch = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      if (districts[i].level === null) continue;
      of[i] = view.of(i);
      hatch[i] = state.hatch ? view.hatch(i) : 0;
    }
    return { of, hatch, styles: view.classes.map(item => item.style) };
  }

  /** Return what the shown view says of a district. */
  const describe = district => (district.level === null ? say('notAssessedShort') : current().value(district));

  Object.assign(report, { state, current, paint, describe, viewOf: key => byKey.get(key) });
})();
