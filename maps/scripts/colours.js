/* What the colour can show. Each layer gives a fill, a pattern on top, words and a legend. */
(() => {
  const { facts, districts, assessed, settled } = threatkit;
  const NODATA = 'url(#p-nodata)';
  const times = value => `${value >= 10 ? Math.round(value) : value.toFixed(1)} times`;
  const count = (list, test) => list.filter(test).length;

  /* Colour between the five steps of the ramp, along the index from 0 to 10. */
  function ramp() {
    const style = getComputedStyle(document.documentElement);
    return [1, 2, 3, 4, 5].map(step => {
      const hex = style.getPropertyValue(`--k${step}`).trim();
      return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
    });
  }

  function blend(steps, index) {
    const at = Math.min(4, Math.max(0, (index - 1) / 2));
    const low = Math.min(3, Math.floor(at));
    const mixed = steps[low].map((value, i) => Math.round(value + (at - low) * (steps[low + 1][i] - value)));
    return `rgb(${mixed.join(',')})`;
  }

  const width = district => district.p[2] / Math.max(district.p[1], 1e-6);
  const WIDTHS = [5, 10, 30, 100];
  const widthClass = district => WIDTHS.filter(limit => width(district) >= limit).length + 1;

  const FACTORS = [1 / 3, 0.8, 1.25, 3];
  const factorClass = (district, part) => FACTORS.filter(limit => Math.exp(district.parts[part][0]) >= limit).length + 1;

  function classes(labels, fills, classOf) {
    return labels.map((label, i) => {
      const inside = assessed.filter(district => classOf(district) === i + 1);
      return {
        number: i + 1, label, fill: fills[i], districts: inside.length,
        people: inside.reduce((sum, district) => sum + (district.pop || 0), 0),
        districtsText: '', peopleText: '',
      };
    });
  }

  const five = name => [1, 2, 3, 4, 5].map(step => `var(--${name}${step})`);

  const level = {
    key: 'level', label: 'Risk level',
    fill: district => `var(--k${district.level})`,
    pattern: district => settled(district) ? '' : 'url(#p-unsettled)',
    finding: () => `In ${count(assessed, district => !settled(district))} of ${assessed.length} districts the level is not settled`,
    meaning: 'Chance of at least one episode, by level. Hatched: the level shown is under 60% likely. Counts below: mean over all draws, with interval.',
    value: district => district.levelText,
    legend: () => threatkit.levels.map(row => ({ ...row, number: row.level, label: row.range, fill: `var(--k${row.level})` })),
  };

  const chance = {
    key: 'chance', label: 'Chance',
    prepare() { this.steps = ramp(); },
    fill(district) { return blend(this.steps, district.index[0]); },
    pattern: () => '',
    finding() {
      const top = assessed.slice().sort((a, b) => b.p[0] - a.p[0])[0];
      return top ? `${top.name} runs the highest chance: ${top.chance}` : 'No district could be assessed';
    },
    meaning: `Chance of at least one episode by ${facts.end}, on a continuous scale.`,
    value: district => district.chance,
    legend: () => null,
    scale(index) { return blend(this.steps, index); },
  };

  const unsure = {
    key: 'width', label: 'Uncertainty',
    fill: district => `var(--e${widthClass(district)})`,
    pattern: () => '',
    finding: () => `In ${count(assessed, district => width(district) >= 10)} of ${assessed.length} districts the interval is tenfold or wider`,
    meaning: `How many times the upper end of the ${facts.ci}% interval is its lower end. Dark: we can hardly tell.`,
    value: district => `interval ${times(width(district))} wide: ${district.chance}`,
    legend: () => classes(['under 5 times', '5 to 10', '10 to 30', '30 to 100', '100 times or more'], five('e'), widthClass),
  };

  const parts = facts.parts.map((part, number) => ({
    key: part.key, label: part.label, reason: true,
    fill: district => `var(--d${factorClass(district, number)})`,
    pattern: district => district.parts[number][3] ? 'url(#p-prior)' : '',
    finding: () => `${part.label}: associated with more in ${count(assessed, d => d.parts[number][1] > 0)}, with less in ${count(assessed, d => d.parts[number][2] < 0)} of ${assessed.length} districts`,
    meaning: 'Times the usual number of episodes. Counted above: the whole interval on one side. Dotted: set by assumption, not by data.',
    value: district => `${part.label}: ${district.parts[number][4]}${district.parts[number][3] ? ', set by assumption' : ''}`,
    legend: () => classes(['a third or less', '⅓ to 0.8 times', 'about the same', '1.25 to 3 times', '3 times or more'], five('d'), district => factorClass(district, number)),
  }));

  const layers = [level, chance, unsure, ...parts];
  threatkit.layers = layers;
  threatkit.layer = level;

  /** Return fill and pattern of a district under the chosen layer. */
  threatkit.paint = district => district.level === null
    ? { fill: NODATA, pattern: '' }
    : { fill: threatkit.layer.fill(district), pattern: threatkit.layer.pattern(district) };

  /** Return what the chosen layer says of a district, in words. */
  threatkit.describe = district => district.level === null ? 'not assessed' : threatkit.layer.value(district);

  threatkit.unassessed = count(districts, district => district.level === null);
})();
