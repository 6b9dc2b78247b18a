import { mat4, vec3 } from 'wgpu-matrix';
import type { Steered } from '../shared/steering.ts';

interface Viewpoint {
  /** Of the eye about what is looked at, in radians. */
  readonly longitude: number;
  readonly latitude: number;
  /** How many times larger than at first. */
  readonly magnification: number;
  /** What is looked at, in the plot's coordinates. */
  readonly target: readonly [x: number, y: number, z: number];
}

const fieldOfView = Math.PI / 6;
const firstDistance = 6.1;
/** Half of what is seen of a flat plot; its points lie within ±1. */
const firstReach = 1.14;
const steepest = (89 * Math.PI) / 180;
const magnifications = [0.2, 400] as const;

const initial: Viewpoint = { longitude: -1.05, latitude: 0.42, magnification: 1, target: [0, 0, 0] };

function clamp(value: number, [least, most]: readonly [number, number]): number {
  return Math.min(Math.max(value, least), most);
}

/** An eye that looks at a plot within ±1: straight at two axes, or from a place that can be turned about three. */
export class PlotCamera implements Steered {
  #viewpoint = initial;
  #flat = true;

  get flat(): boolean {
    return this.#flat;
  }

  /** Looks at two axes (true) or three. */
  set flat(flat: boolean) {
    this.#flat = flat;
    this.reset();
  }

  reset(): void {
    this.#viewpoint = initial;
  }

  /** Flat plots follow the pointer, others turn by it. */
  drag(right: number, down: number, height: number): void {
    if (this.#flat) this.pan(right, down, height);
    else this.turn((-right * Math.PI) / height, (down * Math.PI) / height);
  }

  pan(right: number, down: number, height: number): void {
    const step = this.#reach() * (2 / height);
    const [east, north] = this.#sideways();
    this.#moveTarget(vec3.add(vec3.scale(east, -right * step), vec3.scale(north, down * step)));
  }

  /** Moves the eye by angles; along a flat plot by as many tenths of what is seen. */
  turn(east: number, north: number): void {
    const { longitude, latitude } = this.#viewpoint;
    if (this.#flat) {
      const step = this.#reach();
      this.#moveTarget([east * step, north * step, 0]);
    } else {
      this.#viewpoint = {
        ...this.#viewpoint,
        longitude: longitude + east,
        latitude: clamp(latitude + north, [-steepest, steepest]),
      };
    }
  }

  zoom(factor: number): void {
    const { magnification } = this.#viewpoint;
    this.#viewpoint = { ...this.#viewpoint, magnification: clamp(magnification * factor, magnifications) };
  }

  /** The matrix from the plot's coordinates to clip space, for a view of the given width over height. */
  project(aspect: number): Float32Array {
    // A view that is higher than wide shows more above and below.
    const widening = Math.max(1, 1 / aspect);
    if (this.#flat) {
      const [x, y] = this.#viewpoint.target;
      const up = this.#reach() * widening;
      return mat4.ortho(x - up * aspect, x + up * aspect, y - up, y + up, -10, 10);
    }
    const { magnification, target } = this.#viewpoint;
    const distance = firstDistance / magnification;
    const vertical = 2 * Math.atan(Math.tan(fieldOfView / 2) * widening);
    const eye = vec3.add(target, vec3.scale(this.#outward(), distance));
    const view = mat4.lookAt(eye, target, [0, 0, 1]);
    return mat4.multiply(mat4.perspective(vertical, aspect, distance / 50, distance + 8), view);
  }

  /** Distances from the eye between which points get fainter; of a flat plot, none. */
  get depths(): readonly [nearest: number, farthest: number] {
    const distance = firstDistance / this.#viewpoint.magnification;
    return this.#flat ? [2, 3] : [distance - 1, distance + 1.6];
  }

  /** Half the height of what is seen at the target. */
  #reach(): number {
    const { magnification } = this.#viewpoint;
    return (this.#flat ? firstReach : firstDistance * Math.tan(fieldOfView / 2)) / magnification;
  }

  #outward(): Float32Array {
    const { longitude, latitude } = this.#viewpoint;
    const across = Math.cos(latitude);
    return vec3.create(across * Math.cos(longitude), across * Math.sin(longitude), Math.sin(latitude));
  }

  #sideways(): [Float32Array, Float32Array] {
    if (this.#flat) return [vec3.create(1, 0, 0), vec3.create(0, 1, 0)];
    const outward = this.#outward();
    const east = vec3.normalize(vec3.cross([0, 0, 1], outward));
    return [east, vec3.cross(outward, east)];
  }

  #moveTarget(by: ArrayLike<number>): void {
    const { target } = this.#viewpoint;
    const [x, y, z] = target.map((value, axis) => clamp(value + (by[axis] ?? 0), [-3, 3]));
    this.#viewpoint = { ...this.#viewpoint, target: [x ?? 0, y ?? 0, z ?? 0] };
  }
}
