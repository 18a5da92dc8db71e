// The elements of what was built from HTML, by selector.

/**
 * The first element in `root` that matches; an error where there is none of this type.
 * @template {Element} Type
 * @param {Element} root
 * @param {string} selector
 * @param {new () => Type} type
 */
export function elementOf(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`there is no ${selector} in ${root.className}`);
  return element;
}

/**
 * @param {string} text
 * @param {() => void} action  when it is pressed
 * @param {string} [label]  for screen readers, where the text alone does not say enough
 */
export function button(text, action, label) {
  const element = document.createElement("button");
  element.textContent = text;
  if (label) element.ariaLabel = label;
  element.onclick = action;
  return element;
}
