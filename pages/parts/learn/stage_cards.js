// The five stages as cards in a row, joined by arrows that carry the shapes. `data.stages`: name, colour, picture, text,
// shape; `data.chosen`: the stage with the details that the page shows. A choice is sent to the page as `stage`.
const chosen = new WeakMap(); // parent element -> the stage that the page showed before

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
    button.querySelector(".name b").textContent = `${index + 1} `;
    button.querySelector(".name span").textContent = stage.name;
    button.querySelector(".shape").textContent = stage.shape;
    const picture = button.querySelector("img");
    picture.hidden = !stage.picture;
    if (stage.picture && picture.getAttribute("src") !== stage.picture) picture.src = stage.picture;
    button.querySelector(".text").textContent = stage.text ?? "";
    button.onclick = () => setStateValue("stage", index);
  });
  if ((chosen.get(parentElement) ?? data.chosen) !== data.chosen) showStage();
  chosen.set(parentElement, data.chosen);
}

/** Brings the beginning of the stage's details into view, below the cards. */
function showStage() {
  document.querySelector(".st-key-stage_detail")?.scrollIntoView({ block: "start" });
}

function card() {
  const item = document.createElement("li");
  item.innerHTML = `
    <button type="button">
      <span class="name"><b></b><span></span></span>
      <span class="view"><img alt="" hidden /><span class="text"></span></span>
      <span class="shape"></span>
    </button>`;
  return item;
}
