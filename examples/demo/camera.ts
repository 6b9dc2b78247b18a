import { mat4, vec3 } from 'wgpu-matrix';

/** Where the globe is looked at from. Angles in radians. */
export interface Viewpoint {
  /** Of the point below the eye. */
  readonly longitude: number;
  readonly latitude: number;
  /** From the middle of the globe, in its radii. */
  readonly distance: number;
}

/** What the globe's shader needs to know of the camera. */
export interface Projection {
  readonly viewProjection: Float32Array;
  readonly inverseViewProjection: Float32Array;
  readonly eye: Float32Array;
}

const fieldOfView = Math.PI / 6;
const distanceRange = [1.35, 9] as const;
const maximumLatitude = (85 * Math.PI) / 180;

/** Europe and Africa, the whole globe in view. */
const initialViewpoint: Viewpoint = { longitude: 0.3, latitude: 0.45, distance: 4.4 };

function clamp(value: number, [least, most]: readonly [number, number]): number {
  return Math.min(Math.max(value, least), most);
}

/** An eye that orbits the globe with the north pole up. */
export class OrbitCamera {
  #viewpoint = initialViewpoint;

  get viewpoint(): Viewpoint {
    return this.#viewpoint;
  }

  reset(): void {
    this.#viewpoint = initialViewpoint;
  }

  /** Turns the globe as if its surface were dragged by so many pixels of a view `height` pixels high. */
  drag(right: number, down: number, height: number): void {
    const { latitude, distance } = this.#viewpoint;
    // The surface under the eye is (distance − 1) away: what is there follows the pointer.
    const radiansPerPixel = (2 * Math.tan(fieldOfView / 2) * (distance - 1)) / height;
    this.turn((-right * radiansPerPixel) / Math.max(Math.cos(latitude), 0.2), down * radiansPerPixel);
  }

  /** Moves the eye by angles. */
  turn(east: number, north: number): void {
    const { longitude, latitude, distance } = this.#viewpoint;
    this.#viewpoint = {
      longitude: longitude + east,
      latitude: clamp(latitude + north, [-maximumLatitude, maximumLatitude]),
      distance,
    };
  }

  /** Comes nearer by a factor above 1, goes away by one below. */
  zoom(factor: number): void {
    const { distance } = this.#viewpoint;
    this.#viewpoint = { ...this.#viewpoint, distance: clamp(1 + (distance - 1) / factor, distanceRange) };
  }

  /** The matrices for a view of the given width over height. A narrow view is widened to keep the globe in it. */
  project(aspect: number): Projection {
    const { longitude, latitude, distance } = this.#viewpoint;
    const eye = vec3.create(
      distance * Math.cos(latitude) * Math.cos(longitude),
      distance * Math.cos(latitude) * Math.sin(longitude),
      distance * Math.sin(latitude),
    );
    const vertical = verticalFieldOfView(aspect);
    const view = mat4.lookAt(eye, [0, 0, 0], [0, 0, 1]);
    const viewProjection = mat4.multiply(mat4.perspective(vertical, aspect, 0.05, 20), view);
    return { viewProjection, inverseViewProjection: mat4.inverse(viewProjection), eye };
  }
}

/** The vertical field of view, in radians: wider where the view is narrower than high. */
export function verticalFieldOfView(aspect: number): number {
  return aspect >= 1 ? fieldOfView : 2 * Math.atan(Math.tan(fieldOfView / 2) / aspect);
}
