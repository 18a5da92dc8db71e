// The five stages as cards in a row, joined by arrows that carry the shapes. `data.stages`: name, colour, picture, text,
// shape; `data.chosen`: the stage whose details the page shows. A choice is told to the page as `stage`.
export default function ({ data, parentElement, setStateValue }) {
  const list = parentElement.querySelector("ol");
  if (list.children.length !== data.stages.length) {
    list.replaceChildren(...data.stages.map(() => card()));
  }
  data.stages.forEach((stage, index) => {
    const item = list.children[index];
    const button = item.querySelector("button");
    item.style.setProperty("--kind", stage.colour);
    button.setAttribute("aria-pressed", String(index === data.chosen));
    button.querySelector(".name").textContent = `${index + 1} ${stage.name}`;
    button.querySelector(".shape").textContent = stage.shape;
    const picture = button.querySelector("img");
    picture.hidden = !stage.picture;
    if (stage.picture && picture.getAttribute("src") !== stage.picture) picture.src = stage.picture;
    button.querySelector(".text").textContent = stage.text ?? "";
    button.onclick = () => setStateValue("stage", index);
  });
}

function card() {
  const item = document.createElement("li");
  item.innerHTML = `
    <button type="button">
      <span class="name"></span>
      <span class="view"><img alt="" hidden /><span class="text"></span></span>
      <span class="shape"></span>
    </button>`;
  return item;
}
