/* Elements of the page: found, made, drawn. */
const elements = (() => {
  function finish(element, options, parent) {
    for (const [key, value] of Object.entries(options)) {
      if (key === 'text') element.textContent = value;
      else if (key === 'class') element.setAttribute('class', value);
      else if (key === 'fill' && value.startsWith('var(')) element.style.fill = value;
      else element.setAttribute(key, value);
    }
    if (parent) parent.append(element);
    return element;
  }

  return {
    $: id => document.getElementById(id),
    /** Make an element; text is always text. */
    make: (tag, options = {}, parent = null) => finish(document.createElement(tag), options, parent),
    /** Make a part of a drawing. */
    draw: (tag, options = {}, parent = null) => finish(document.createElementNS('http://www.w3.org/2000/svg', tag), options, parent),
  };
})();
