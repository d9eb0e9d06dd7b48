export * as layers from './layers.ts'
export * from './layers.ts'
export {
  Input,
  type ActivationOptions,
  type DenseOptions,
  type DropoutOptions,
  type FirstLayerOptions,
  type InputOptions,
} from './core.ts'
export type { EmbeddingOptions } from './embedding.ts'
export type { MaskingOptions } from './masking.ts'
export { RNNCell, type CellContext, type Pass, type StatesLike } from './recurrent/cell.ts'
export type { ConvLSTMOptions } from './recurrent/conv-lstm.ts'
export type { GRUCellOptions, GRUOptions } from './recurrent/gru.ts'
export type { LSTMCellOptions, LSTMOptions } from './recurrent/lstm.ts'
export type { RNNContext, RNNOptions, SequenceOptions } from './recurrent/rnn.ts'
export type { SimpleRNNCellOptions, SimpleRNNOptions } from './recurrent/simple-rnn.ts'
export type { StackedRNNCellsOptions } from './recurrent/stacked.ts'
export type { AdditiveAttentionOptions, AttentionOptions } from './attention/attention.ts'
export type { EinsumDenseOptions } from './attention/einsum-dense.ts'
export type { AttentionContext, MultiHeadContext } from './attention/masks.ts'
export type { GroupQueryAttentionOptions, MultiHeadAttentionOptions } from './attention/multi-head-attention.ts'
export type { BidirectionalOptions, TimeDistributedOptions } from './wrappers.ts'
export { add, average, concatenate, dot, maximum, minimum, multiply, subtract } from './merging-functions.ts'
export type { ConcatenateOptions, DotOptions } from './merging-axes.ts'
export type { ELUOptions, LeakyReLUOptions, PReLUOptions, ReLUOptions, SoftmaxOptions } from './activations-layers.ts'
export type { BatchNormalizationOptions } from './normalization-batch.ts'
export type {
  GroupNormalizationOptions,
  LayerNormalizationOptions,
  RMSNormalizationOptions,
  UnitNormalizationOptions,
} from './normalization.ts'
export type { SpectralNormalizationOptions } from './normalization-spectral.ts'
export type { AlphaDropoutOptions, GaussianDropoutOptions, GaussianNoiseOptions, SpatialDropoutOptions } from './noise.ts'
export type { ActivityRegularizationOptions } from './regularization.ts'
export type { LambdaFunction, LambdaOptions, PermuteOptions, RepeatVectorOptions, ReshapeOptions } from './reshaping.ts'
export type { AdaptData } from './preprocessing/adapt.ts'
export type { CategoryEncodingOptions } from './preprocessing/category-encoding.ts'
export type { DiscretizationOptions } from './preprocessing/discretization.ts'
export type { EncodingMode } from './preprocessing/encode.ts'
export type { HashedCrossingOptions, HashingOptions } from './preprocessing/hashing.ts'
export type { AffineOptions, FillMode } from './preprocessing/image.ts'
export type { IntegerLookupOptions } from './preprocessing/integer-lookup.ts'
export type { LookupOptions } from './preprocessing/lookup.ts'
export type { StringLookupOptions } from './preprocessing/string-lookup.ts'
export type { NormalizationOptions, RescalingOptions } from './preprocessing/normalization.ts'
export type { Factor } from './preprocessing/image-layer.ts'
export type { RandomColorOptions } from './preprocessing/random-color.ts'
export type {
  RandomFlipOptions,
  RandomRotationOptions,
  RandomTranslationOptions,
  RandomZoomOptions,
} from './preprocessing/random-image.ts'
export type { RandomCropOptions, ResizingOptions } from './preprocessing/resizing.ts'
export type { Strings } from './preprocessing/strings.ts'
export type { TextVectorizationOptions } from './preprocessing/text-vectorization.ts'
export type { ConvOptions, ConvTransposeOptions, DepthwiseConvOptions, SeparableConvOptions } from './convolution.ts'
export type { AdaptivePoolingOptions, GlobalPoolingOptions, PoolingOptions } from './pooling.ts'
export type { UpSampling2DOptions, UpSamplingOptions } from './upsampling.ts'
export type { CroppingOptions, Edges, ZeroPaddingOptions } from './padding.ts'
export type { DataFormat, SpatialOptions } from './spatial.ts'
export {
  Layer,
  type AnyLayer,
  type CallContext,
  type CallOptions,
  type Inputs,
  type LayerOptions,
  type NamedInputs,
  type OneOrSeveral,
  type Symbolic,
  type WeightOptions,
} from './layer.ts'
export { maskOf, withMask, type Mask, type MaskLike } from './masks.ts'
export { required, type CustomLayers, type Defaults, type LayerConfig, type SerializedLayer } from './layer-config.ts'
export { deserializeLayer, registerLayer, serializeLayer } from './serialization.ts'
export { clearSession } from './names.ts'
export { SymbolicTensor, type Node, type SymbolicDType, type SymbolicShape } from './symbolic.ts'
export * as initializers from './initializers.ts'
export type { Initializer, InitializerLike, InitializerName } from './initializers.ts'
export { activate, activations, type ActivationLike, type ActivationName } from './activations.ts'
export * as regularizers from './regularizers.ts'
export type { RegularizerLike, RegularizerName } from './regularizers.ts'
export * as constraints from './constraints.ts'
export type { ConstraintLike, ConstraintName } from './constraints.ts'
