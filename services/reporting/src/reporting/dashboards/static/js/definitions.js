/** What a figure means, on hover and on focus: one bubble for the whole page. */

const GAP_PX = 8;

let bubble = null;
let shownFor = null;

function show(anchor) {
  const { definitionTitle, definitionText } = anchor.dataset;
  if (!definitionText) {
    return;
  }
  const title = document.createElement("b");
  title.textContent = definitionTitle;
  bubble.replaceChildren(title, definitionText);
  bubble.hidden = false;
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = bubble;
  const left = Math.min(
    Math.max(GAP_PX, box.left),
    document.documentElement.clientWidth - width - GAP_PX,
  );
  const above = box.top - height - GAP_PX;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${above > GAP_PX ? above : box.bottom + GAP_PX}px`;
  anchor.setAttribute("aria-describedby", bubble.id);
  shownFor = anchor;
}

function hide() {
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
  bubble.hidden = true;
}

/** Gives a focusable node its definition; without a text it has none. */
export function explain(node, title, text) {
  node.dataset.definitionTitle = title;
  node.dataset.definitionText = text ?? "";
}

export function watchDefinitions(element) {
  bubble = element;
  const anchorOf = (event) => event.target.closest?.("[data-definition-text]");
  for (const type of ["pointerover", "focusin"]) {
    document.addEventListener(type, (event) => {
      const anchor = anchorOf(event);
      if (anchor && anchor !== shownFor) {
        hide();
        show(anchor);
      }
    });
  }
  for (const type of ["pointerout", "focusout"]) {
    document.addEventListener(type, (event) => {
      if (anchorOf(event) === shownFor && !shownFor?.contains(event.relatedTarget)) {
        hide();
      }
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });
}
