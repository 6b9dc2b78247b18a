/** k-means composed of TensorFlow.js operations on WebGPU, as a page would write it, to compare with. */
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { InvalidInput } from '../../src/base/errors.ts';
import type { OpenKmeansPeer } from '../../src/cli/jobs/benchKmeans.ts';

/** @throws InvalidInput when TensorFlow.js has no WebGPU here */
export const openTensorFlow: OpenKmeansPeer = async ({ data, points, dimensions, clusters, iterations }) => {
  if (!(await tf.setBackend('webgpu'))) {
    throw new InvalidInput('TensorFlow.js could not start its WebGPU backend. Leave the comparison out.');
  }
  return {
    name: `TensorFlow.js ${tf.version_core} operations (WebGPU)`,
    async fit() {
      const rows = tf.tensor2d(data, [points, dimensions]);
      const ones = tf.ones<tf.Rank.R1>([points]);
      let centroids = tf.slice2d(rows, [0, 0], [clusters, dimensions]);
      for (let iteration = 0; iteration < iterations; iteration++) {
        const previous = centroids;
        centroids = tf.tidy(() => tf.reshape(roundOf(rows, ones, previous), [clusters, dimensions]));
        previous.dispose();
      }
      const values = await centroids.data();
      for (const tensor of [rows, ones, centroids]) tensor.dispose();
      return values;
    },
    // The backend stays for the next size; no tensor outlives a fit.
    dispose() {},
  };
};

/** The centroids after one round: |c|² − 2 x · c is least for the nearest one. */
function roundOf(rows: tf.Tensor2D, ones: tf.Tensor1D, centroids: tf.Tensor2D): tf.Tensor {
  const [count] = centroids.shape;
  const products = tf.matMul(rows, centroids, false, true);
  const labels = tf.argMin(tf.sub(tf.sum(tf.square(centroids), 1), tf.mul(products, 2)), 1) as tf.Tensor1D;
  const sums = tf.unsortedSegmentSum(rows, labels, count);
  const sizes = tf.expandDims(tf.unsortedSegmentSum(ones, labels, count), 1);
  // An empty cluster keeps its centroid.
  return tf.where(tf.greater(sizes, 0), tf.div(sums, tf.maximum(sizes, 1)), centroids);
}
