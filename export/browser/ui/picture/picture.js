// The answering picture of the photos page as a Streamlit component (v2).

/** @import { Shown } from "./picture_view.js" */
/** @import { Component } from "../types.js" */

import { PictureView } from "./picture_view.js";

/** @type {WeakMap<Node, PictureView>} by parent element: Streamlit calls again whenever `data` changes */
const views = new WeakMap();

/** @param {Component<Shown>} component */
export default function ({ parentElement, data }) {
  let view = views.get(parentElement);
  if (!view) {
    parentElement.replaceChildren();
    views.set(parentElement, (view = new PictureView(parentElement)));
  }
  view.show(data);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}
