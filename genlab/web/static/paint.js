// Painting over what is missing of a picture: with a pointer, with keys, or by a picture of the mask.
import { $, element, say } from "/static/dom.js";

const RED = [221, 51, 51];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function painter() {
  const canvas = $("brush"), tip = $("tip");
  const own = { url: "", image: null, paint: null, at: [0, 0], last: null, down: false };

  const radius = () => Math.max(2, (Number($("width").value) * Math.max(canvas.width, canvas.height)) / 100);
  const blank = () => element("canvas", { width: canvas.width, height: canvas.height });

  // The picture at an address, with the paint that is on it already.
  async function show(url) {
    if (own.url !== url) Object.assign(own, { url, paint: null, image: element("img", { src: url }) });
    await own.image.decode().catch(() => { throw new Error("the browser cannot show this picture: nothing can be painted over"); });
    const { width, height } = own.image, by = Math.min(1, 512 / Math.max(width, height));
    if (own.url !== url) return;  // there is a newer one
    Object.assign(canvas, { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) });
    if (own.paint) draw(); else clear();
  }

  function clear() {
    if (!own.image) return;
    own.paint = blank();
    own.at = [canvas.width / 2, canvas.height / 2];
    draw();
  }

  function draw() {
    for (const one of [own.image, own.paint]) canvas.getContext("2d").drawImage(one, 0, 0, canvas.width, canvas.height);
  }

  // To a place from the one before: a fast pointer is seen at few.
  function stroke(to) {
    const pen = own.paint.getContext("2d");
    pen.fillStyle = pen.strokeStyle = `rgb(${RED})`;
    pen.lineWidth = 2 * radius();
    pen.beginPath();
    pen.arc(...to, radius(), 0, 2 * Math.PI);
    pen.fill();
    pen.beginPath();
    pen.moveTo(...(own.last || to));
    pen.lineTo(...to);
    pen.stroke();
    own.at = own.last = to;
    draw();
  }

  function point(event) {
    if (!event.buttons || !own.paint) return;
    const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
    stroke([(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]);
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !own.paint || !(event.key in WAYS || event.key === " ")) return;
    event.preventDefault();
    if (event.key in WAYS) move(WAYS[event.key], event.shiftKey ? 4 : 1); else if (!event.repeat) put(!own.down);
    mark(true);
  }

  function move(way, times) {
    const ends = [canvas.width, canvas.height], step = times * radius();
    const to = own.at.map((x, i) => Math.max(0, Math.min(ends[i], x + step * way[i])));
    if (own.down) stroke(to); else own.at = to;
  }

  function put(down) {
    Object.assign(own, { down, last: null });
    if (down) stroke(own.at);
    say(down ? "The brush is down: arrows paint" : "The brush is lifted");
  }

  // Where the brush is, for who has no pointer.
  function mark(seen) {
    tip.hidden = !seen;
    tip.classList.toggle("down", own.down);
    tip.style.left = `${(100 * own.at[0]) / canvas.width}%`;
    tip.style.top = `${(100 * own.at[1]) / canvas.height}%`;
    tip.style.width = `${(200 * radius()) / canvas.width}%`;
  }

  // Paint where a picture is lighter than grey; it is of the same shape.
  async function load(file) {
    const mask = await createImageBitmap(file).catch(() => { throw new Error("the file for the mask is no picture that can be read"); });
    if (Math.abs(mask.width / mask.height / (canvas.width / canvas.height) - 1) > 0.02) {
      throw new Error(`the mask has ${mask.width} x ${mask.height} pixels: give one of the picture's shape, as ${canvas.width} x ${canvas.height}`);
    }
    own.paint = blank();
    const pen = own.paint.getContext("2d");
    pen.drawImage(mask, 0, 0, canvas.width, canvas.height);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height), data = pixels.data;
    for (let i = 0; i < data.length; i += 4) {
      const grey = (0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]) * (data[i + 3] / 255);
      data.set([...RED, grey > 127 ? 255 : 0], i);
    }
    pen.putImageData(pixels, 0, 0);
    draw();
    say("What the mask has white is painted over");
  }

  // White where there is paint, on black.
  function mask() {
    if (!own.paint) throw new Error("the browser cannot show the picture: nothing is painted over");
    const made = blank(), pen = made.getContext("2d");
    pen.drawImage(own.paint, 0, 0);
    for (const [way, colour] of [["source-in", "#fff"], ["destination-over", "#000"]]) {
      pen.globalCompositeOperation = way;
      pen.fillStyle = colour;
      pen.fillRect(0, 0, made.width, made.height);
    }
    return made.toDataURL("image/png");
  }

  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); mark(false); own.last = null; point(event); };
  canvas.onpointermove = point;
  canvas.onkeydown = key;
  canvas.onfocus = () => mark(canvas.matches(":focus-visible"));
  canvas.onblur = () => { own.down = false; mark(false); };
  $("masked").onchange = (event) => event.target.files[0] && load(event.target.files[0]).catch((error) => say(error.message, true));
  $("unpaint").onclick = clear;
  return { show, mask, painted: () => canvas.toDataURL("image/png") };
}
