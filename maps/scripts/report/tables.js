/* The table of districts is one stop of the Tab key, whatever its length. */
(() => {
  const { $ } = report;
  const rows = () => $('districts').tBodies[0].rows;
  let current = -1;
  let marked = null;

  function go(position) {
    const all = rows();
    if (all[current]) all[current].classList.remove('current');
    current = Math.max(0, Math.min(all.length - 1, position));
    all[current].classList.add('current');
    all[current].scrollIntoView({ block: 'nearest' });
    report.hover(Number(all[current].dataset.i));
  }

  const open = row => row && report.select(Number(row.dataset.i), { reveal: true, focus: true });

  report.startTable = () => {
    $('districts').tBodies[0].addEventListener('click', event => open(event.target.closest('tr')));
    $('all').addEventListener('keydown', event => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 };
      if (event.key in moves) go(current + moves[event.key]);
      else if (event.key === 'Home') go(0);
      else if (event.key === 'End') go(rows().length - 1);
      else if (event.key === 'Enter') open(rows()[current]);
      else return;
      event.preventDefault();
    });
  };

  report.markRow = i => {
    if (marked) marked.classList.remove('selected');
    marked = i === null ? null : [...rows()].find(row => Number(row.dataset.i) === i) || null;
    if (marked) marked.classList.add('selected');
  };
})();
