/** Cuanta: quantize, multiply and cluster on the GPU through WebGPU. The only public entry of the library. */
export type { DType, TensorData } from './base/dtype.ts';
export * from './base/errors.ts';
export type { PointChunk, PointChunks } from './base/pointChunks.ts';
export type { Shape } from './base/shape.ts';
export type { Histogram } from './calib/histogram.ts';
export { mergeStatistics } from './calib/mergeStatistics.ts';
export { type ChosenRanges, type RangeOptions, rangesOf } from './calib/rangesOf.ts';
export type { RowSample, SampledRow } from './calib/rowSample.ts';
export type { CalibrationMethod, CalibrationStatistics, ValueRanges } from './calib/statistics.ts';
export { type WeightRangeOptions, type WeightRanges, weightRange } from './calib/weightRange.ts';
export { arrayChunks } from './cluster/chunks/arrayChunks.ts';
export type { ChunkFit } from './cluster/chunks/chunkFit.ts';
export {
  type MiniBatchChunkFit,
  type MiniBatchChunkRun,
  MiniBatchKMeans,
  type MiniBatchKMeansFit,
  type MiniBatchKMeansOptions,
  type MiniBatchRun,
} from './cluster/chunks/miniBatch.ts';
export type { MiniBatchIteration, MiniBatchProgress } from './cluster/chunks/shownBatches.ts';
export type { StoredLabels } from './cluster/chunks/storedLabels.ts';
export {
  StreamingKMeans,
  type StreamingKMeansFit,
  type StreamingKMeansOptions,
} from './cluster/chunks/streamingKMeans.ts';
export {
  Dbscan,
  type DbscanFit,
  type DbscanOptions,
  type DbscanRun,
  type DbscanStep,
} from './cluster/dbscan/dbscan.ts';
export {
  type EpsilonSuggestion,
  type KDistancesRun,
  kDistances,
  suggestEpsilon,
} from './cluster/dbscan/kDistances.ts';
export {
  Agglomerative,
  type AgglomerativeOptions,
} from './cluster/hierarchy/agglomerative.ts';
export {
  AgglomerativeFit,
  Dendrogram,
  type DendrogramCut,
} from './cluster/hierarchy/dendrogram.ts';
export type { Linkage } from './cluster/hierarchy/linkage.ts';
export type { LinkageProgress, LinkageRun } from './cluster/hierarchy/mutualNeighbours.ts';
export {
  BalancedKMeans,
  type BalancedKMeansFit,
  type BalancedKMeansOptions,
  type BalancedKMeansRun,
} from './cluster/kmeans/balanced.ts';
export {
  type BisectingIteration,
  BisectingKMeans,
  type BisectingKMeansFit,
  type BisectingKMeansOptions,
  type BisectingRun,
  type BisectingStrategy,
} from './cluster/kmeans/bisecting.ts';
export type { Int8Report } from './cluster/kmeans/int8Rounds.ts';
export {
  KMeans,
  type KMeansFit,
  type KMeansIteration,
  type KMeansMetric,
  type KMeansOptions,
  type KMeansPrecision,
  type KMeansProgress,
  type KMeansRun,
} from './cluster/kmeans/kmeans.ts';
export type { Predictor } from './cluster/kmeans/predictor.ts';
export type { KMeansInit } from './cluster/kmeans/startCentroids.ts';
export { labelsHash } from './cluster/labelsHash.ts';
export {
  type Elbow,
  type ElbowEntry,
  type ElbowOptions,
  elbow,
} from './cluster/metrics/elbow.ts';
export { adjustedRand, normalizedMutualInformation } from './cluster/metrics/labelAgreement.ts';
export {
  type ClusterMetrics,
  calinskiHarabasz,
  clusterMetrics,
  daviesBouldin,
} from './cluster/metrics/metrics.ts';
export {
  type SilhouetteOptions,
  type SilhouetteRun,
  silhouette,
  silhouetteSamples,
} from './cluster/metrics/silhouette.ts';
export {
  GaussianMixture,
  type GaussianMixtureIteration,
  type GaussianMixtureOptions,
  type GaussianMixtureProgress,
  type GaussianMixtureRun,
} from './cluster/mixture/gaussianMixture.ts';
export type { GaussianMixtureFit } from './cluster/mixture/gaussianMixtureFit.ts';
export type { CovarianceType } from './cluster/mixture/gaussianMixtureModel.ts';
export type { MixtureSample } from './cluster/mixture/gaussianMixtureSample.ts';
export type { HostPoints, PointSource } from './cluster/points/points.ts';
export {
  ProductCodebooks,
  type ProductCodebooksOptions,
  type ProductEncodeRun,
} from './cluster/product/productCodebooks.ts';
export type { HeldProductCodes, ProductBits, ProductCodes, ProductLayout } from './cluster/product/productCodes.ts';
export {
  ProductQuantizer,
  ProductQuantizerFit,
  type ProductQuantizerOptions,
  type ProductQuantizerProgress,
  type ProductQuantizerRun,
} from './cluster/product/productQuantization.ts';
export type { ProductNeighbours, ProductSearchOptions } from './cluster/product/productSearch.ts';
export type { Activation, Clip } from './gemm/activation.ts';
export {
  type ActivationQuantization,
  type MatmulDType,
  type MatmulOptions,
  type MatmulOutput,
  matmul,
} from './gemm/matmul.ts';
export type { Requantization } from './gemm/requantize.ts';
export type { MemoryReport } from './gpu/bufferPool.ts';
export type { DotPath } from './gpu/dotPath.ts';
export { Engine, type EngineInfo, type EngineOptions } from './gpu/engine.ts';
export type { KernelTime } from './gpu/profiler.ts';
export { Tensor } from './gpu/tensor.ts';
export { type CalibrateOptions, calibrate } from './graph/calibrate.ts';
export {
  type Correctness,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationSet,
  evaluate,
  type Label,
  type LabelledBatch,
  rankClasses,
  type Share,
} from './graph/evaluate.ts';
export type { BitChoice, BitPoint, BitTimes, LayerCosts, WeightStorage, WidthCost } from './graph/explain/bitCurve.ts';
export type { Difference } from './graph/explain/difference.ts';
export {
  type ExplainOptions,
  explainQuantization,
  type LayerExplanation,
  type LayerSensitivity,
  type QuantizationReport,
} from './graph/explain/explain.ts';
export type { OperationReport, OperatorShares } from './graph/explain/operations.ts';
export type { QuantizedValueReport, ValueHistogram } from './graph/explain/valueMeter.ts';
export type { Dimension, Graph, GraphNode, GraphValue } from './graph/graph.ts';
export { type ElementType, type HostData, type HostTensor, hostTensor } from './graph/hostTensor.ts';
export type { FloatNode, IntegerOnly } from './graph/integerOnly.ts';
export type { Model, ModelInputs, ModelMemory, ModelOptions, ModelOutput } from './graph/model.ts';
export type { NodePlan } from './graph/plan.ts';
export type { AdaRoundOptions } from './graph/quantization/adaRound.ts';
export { equalizeLayers } from './graph/quantization/equalize.ts';
export {
  type InputMoments,
  type LayerInputs,
  type ObserveLayersOptions,
  observeLayers,
} from './graph/quantization/layerInputs.ts';
export type {
  ActivationOptions,
  LayerOptions,
  QuantizeModelOptions,
  RoundingMethod,
  WeightGranularity,
  WeightOptions,
  WeightQuantizer,
} from './graph/quantization/options.ts';
export type { PreparedLayer, PreparedWeights } from './graph/quantization/prepared.ts';
export type { RoundedWeights, WeightGrid } from './graph/quantization/roundedWeights.ts';
export { observeChannels, type SmoothOptions, smoothLayers } from './graph/quantization/smoothQuant.ts';
export {
  compareReceipts,
  type Receipt,
  type ReceiptDifference,
  type ReceiptLayer,
  type ReceiptValue,
} from './graph/receipt.ts';
export type { NodeCheck, OutputCheck, SelfCheckReport } from './graph/selfCheck.ts';
export type { ByteSource, BytesFrom } from './io/byteSource.ts';
export { gunzip } from './io/gzip.ts';
export { readIdx } from './io/idx.ts';
export type { NpyArray } from './io/npy.ts';
export { type PointChunkOptions, pointChunks } from './io/pointChunks.ts';
export { type Points, type PointsOptions, readPoints } from './io/points.ts';
export {
  readSafetensors,
  type Safetensors,
  type SafetensorsType,
  type StoredTensor,
  writeSafetensors,
} from './io/safetensors.ts';
export { type ChooseBitsOptions, type ChosenBits, chooseBits, layersOf } from './onnx/chooseBits.ts';
export { toOnnx } from './onnx/export.ts';
export type { ImportOptions } from './onnx/import.ts';
export { loadOnnx } from './onnx/load.ts';
export { type PrepareWeightsOptions, prepareWeights } from './onnx/prepareWeights.ts';
export { toQOperator } from './onnx/qOperator.ts';
export { type OnnxForm, type QuantizedModel, quantizeModel } from './onnx/quantizeModel.ts';
export { fromSafetensors, type StoredQuantization, type StoredWeights, toSafetensors } from './onnx/safetensors.ts';
export type { ExternalData } from './onnx/tensor.ts';
export { dequantize } from './quant/dequantize.ts';
export { type Granularity, perChannel, perGroup, perTensor } from './quant/granularity.ts';
export {
  type DynamicallyQuantized,
  dequantizeLinear,
  dynamicQuantizeLinear,
  type LinearOptions,
  type QuantizeLinearOptions,
  quantizeLinear,
} from './quant/onnx.ts';
export { pack, unpack } from './quant/packing.ts';
export {
  type CodeFormat,
  parametersFromRanges,
  type QuantizationParameters,
  type QuantizationScheme,
  type Rounding,
} from './quant/parameters.ts';
export { type QuantizeOptions, quantize } from './quant/quantize.ts';
export { type Attachment, type CodeLayout, type CodeStreams, QuantizedTensor } from './quant/quantizedTensor.ts';
export { minMax, type Ranges } from './quant/range.ts';
