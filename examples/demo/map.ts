import { coloursFor, toCss } from '../shared/palette.ts';

const width = 1600;
const height = 800;
const font = '"DejaVu Sans", "Segoe UI", Roboto, Helvetica, Arial, sans-serif';
const ink = { strong: '#f1f4fa', soft: '#9fabc2', faint: '#5f6d88' } as const;

/** What the map shows. */
export interface MapContent {
  /** In degrees. */
  readonly latitudes: ArrayLike<number>;
  readonly longitudes: ArrayLike<number>;
  /** The cluster of each place. */
  readonly labels: Int32Array;
  /** [clusters, 3], about on the unit sphere. */
  readonly centroids: Float64Array;
  readonly title: string;
  readonly lines: readonly string[];
}

type Context = OffscreenCanvasRenderingContext2D;

function toX(longitude: number): number {
  return ((longitude + 180) / 360) * width;
}

function toY(latitude: number): number {
  return ((90 - latitude) / 180) * height;
}

function drawGround(context: Context): void {
  const ground = context.createLinearGradient(0, 0, 0, height);
  ground.addColorStop(0, '#0a1020');
  ground.addColorStop(0.5, '#101a30');
  ground.addColorStop(1, '#0a1020');
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
}

function drawGraticule(context: Context): void {
  const line = (colour: string, fromX: number, fromY: number, x: number, y: number): void => {
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(x, y);
    context.stroke();
  };
  const top = toY(90);
  const bottom = toY(-60);
  for (let longitude = -150; longitude < 180; longitude += 30) {
    const x = Math.round(toX(longitude)) + 0.5;
    line(longitude === 0 ? '#2c3b5a' : '#1c2842', x, top, x, bottom);
  }
  for (let latitude = -60; latitude < 90; latitude += 30) {
    const y = Math.round(toY(latitude)) + 0.5;
    line(latitude === 0 ? '#2c3b5a' : '#1c2842', 0, y, width, y);
  }
  context.font = `12px ${font}`;
  context.fillStyle = ink.faint;
  context.textAlign = 'left';
  for (const latitude of [60, 30, 0, -30]) {
    const side = latitude > 0 ? ' N' : latitude < 0 ? ' S' : '';
    context.fillText(`${Math.abs(latitude)}°${side}`, 8, toY(latitude) + 16);
  }
  context.textAlign = 'center';
  for (let longitude = -150; longitude < 180; longitude += 30) {
    const side = longitude > 0 ? ' E' : longitude < 0 ? ' W' : '';
    context.fillText(`${Math.abs(longitude)}°${side}`, toX(longitude), 18);
  }
}

function drawPlaces(context: Context, content: MapContent, colours: readonly string[]): void {
  const members = colours.map((): number[] => []);
  for (const [place, label] of content.labels.entries()) members[label]?.push(place);
  context.globalAlpha = 0.8;
  for (const [cluster, places] of members.entries()) {
    context.fillStyle = colours[cluster] ?? ink.soft;
    for (const place of places) {
      context.fillRect(toX(content.longitudes[place] ?? 0) - 0.7, toY(content.latitudes[place] ?? 0) - 0.7, 1.4, 1.4);
    }
  }
  context.globalAlpha = 1;
}

function markerRadius(placeCount: number): number {
  return 2.5 + Math.sqrt(placeCount) / 14;
}

function drawMarker(context: Context, x: number, y: number, radius: number, colour: string): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 3;
  context.strokeStyle = '#0a1020';
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = '#ffffff';
  context.stroke();
}

function drawCentroids(context: Context, { centroids, labels }: MapContent, colours: readonly string[]): void {
  const sizes = new Uint32Array(colours.length);
  for (const label of labels) sizes[label] = (sizes[label] ?? 0) + 1;
  for (const [cluster, colour] of colours.entries()) {
    const [x = 0, y = 0, z = 0] = centroids.subarray(cluster * 3, cluster * 3 + 3);
    const latitude = (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI;
    const longitude = (Math.atan2(y, x) * 180) / Math.PI;
    drawMarker(context, toX(longitude), toY(latitude), markerRadius(sizes[cluster] ?? 0), colour);
  }
}

function drawWords(context: Context, content: MapContent): void {
  const left = 40;
  const top = toY(-60);
  context.textAlign = 'left';
  context.fillStyle = ink.strong;
  context.font = `600 26px ${font}`;
  context.fillText(content.title, left, top + 46);
  context.font = `15px ${font}`;
  context.fillStyle = ink.soft;
  for (const [row, line] of content.lines.entries()) context.fillText(line, left, top + 74 + row * 23);

  let x = width - 380;
  context.font = `15px ${font}`;
  context.fillText('Centroids, by number of cities', x, top + 42);
  for (const placeCount of [500, 2000, 8000]) {
    const radius = markerRadius(placeCount);
    drawMarker(context, x + radius, top + 74, radius, '#7d8db0');
    context.fillStyle = ink.soft;
    const words = placeCount.toLocaleString('en');
    context.fillText(words, x + 2 * radius + 9, top + 79);
    x += 2 * radius + 9 + context.measureText(words).width + 28;
  }
}

/**
 * Draws places on a plain (equirectangular) map of the world, coloured by cluster.
 *
 * @returns the picture as PNG, 1600 × 800
 */
export async function drawMap(content: MapContent): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The map could not be drawn: this browser has no 2-d canvas.');
  const colours = coloursFor(content.centroids).map(toCss);
  drawGround(context);
  drawGraticule(context);
  drawPlaces(context, content, colours);
  drawCentroids(context, content, colours);
  drawWords(context, content);
  return canvas.convertToBlob({ type: 'image/png' });
}
