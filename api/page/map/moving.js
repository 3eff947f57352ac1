/** Moving over the map: wheel, one finger or the pointer held down, two fingers, keys. */

const STEP = 80;                           // CSS pixels an arrow moves
const CLICK = 5;                           // that a finger may move and still have clicked

/**
 * @param {HTMLElement} root  the window  @param {View} view
 * @param {{moved: () => void, at: (x, y) => void, left: () => void, clicked: (x, y) => void, entered: () => void}} tell
 */
export function listen(root, view, tell) {
  const fingers = new Map();
  let strayed = false;

  const place = (event) => {
    const box = root.getBoundingClientRect();
    return [event.clientX - box.left - root.clientLeft, event.clientY - box.top - root.clientTop];
  };
  const spread = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return { apart: Math.hypot(ax - bx, ay - by) || 1, x: (ax + bx) / 2, y: (ay + by) / 2 };
  };

  root.addEventListener("wheel", (event) => {
    const unit = [1, 24, 240][event.deltaMode] ?? 1;
    if (!view.magnify(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)), ...place(event))) return;   // at the end the page scrolls on
    event.preventDefault();
    tell.moved();
  }, { passive: false });
  root.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("button")) return;
    fingers.set(event.pointerId, place(event));
    strayed = fingers.size > 1;
    root.setPointerCapture(event.pointerId);
  });
  root.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    const before = fingers.get(event.pointerId);
    if (!before) return void tell.at(x, y);
    if (!strayed && Math.hypot(x - before[0], y - before[1]) < CLICK) return;
    strayed = true;
    const was = fingers.size === 2 ? spread() : null;
    fingers.set(event.pointerId, [x, y]);
    if (was) {
      const now = spread();
      view.pan(now.x - was.x, now.y - was.y);
      view.magnify(now.apart / was.apart, now.x, now.y);
    } else if (fingers.size === 1) view.pan(x - before[0], y - before[1]);
    tell.moved();
  });
  root.addEventListener("pointerup", (event) => {
    if (!fingers.delete(event.pointerId) || strayed) return;
    tell.clicked(...place(event));
  });
  root.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  root.addEventListener("pointerleave", () => fingers.size || tell.left());
  root.addEventListener("dblclick", (event) => event.preventDefault());
  root.addEventListener("keydown", (event) => {
    if (event.target !== root || event.ctrlKey || event.metaKey || event.altKey || !pressed(event.key, view, tell)) return;
    event.preventDefault();
  });
}

const MOVES = {
  ArrowLeft: (view) => view.pan(STEP, 0), ArrowRight: (view) => view.pan(-STEP, 0),
  ArrowUp: (view) => view.pan(0, STEP), ArrowDown: (view) => view.pan(0, -STEP),
  "+": (view) => view.magnify(1.5), "=": (view) => view.magnify(1.5), "-": (view) => view.magnify(1 / 1.5), Home: (view) => view.whole(), 0: (view) => view.whole(),
};

function pressed(key, view, tell) {
  if (key === "Enter") tell.entered();
  else if (key in MOVES) {
    MOVES[key](view);
    tell.moved(true);
  } else return false;
  return true;
}
