/** The export list is the registry of layers. */
export { Activation, Dense, Dropout, InputLayer } from './core.ts'
export { ELU, LeakyReLU, PReLU, ReLU, Softmax } from './activations-layers.ts'
export { Add, Average, Maximum, Minimum, Multiply, Subtract } from './merging.ts'
export { Concatenate, Dot } from './merging-axes.ts'
export { BatchNormalization } from './normalization-batch.ts'
export { GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization } from './normalization.ts'
export { SpectralNormalization } from './normalization-spectral.ts'
export { AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D } from './noise.ts'
export { ActivityRegularization } from './regularization.ts'
export { Flatten, Identity, Lambda, Permute, RepeatVector, Reshape } from './reshaping.ts'
export { CategoryEncoding } from './preprocessing/category-encoding.ts'
export { Discretization } from './preprocessing/discretization.ts'
export { HashedCrossing, Hashing } from './preprocessing/hashing.ts'
export { IntegerLookup } from './preprocessing/integer-lookup.ts'
export { StringLookup } from './preprocessing/string-lookup.ts'
export { Normalization, Rescaling } from './preprocessing/normalization.ts'
export { RandomBrightness, RandomContrast } from './preprocessing/random-color.ts'
export { RandomFlip, RandomRotation, RandomTranslation, RandomZoom } from './preprocessing/random-image.ts'
export { CenterCrop, RandomCrop, Resizing } from './preprocessing/resizing.ts'
export { TextVectorization } from './preprocessing/text-vectorization.ts'
export {
  Conv1D,
  Conv1DTranspose,
  Conv2D,
  Conv2DTranspose,
  Conv3D,
  Conv3DTranspose,
  DepthwiseConv1D,
  DepthwiseConv2D,
  SeparableConv1D,
  SeparableConv2D,
} from './convolution.ts'
export {
  AdaptiveAveragePooling1D,
  AdaptiveAveragePooling2D,
  AdaptiveAveragePooling3D,
  AdaptiveMaxPooling1D,
  AdaptiveMaxPooling2D,
  AdaptiveMaxPooling3D,
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling3D,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
} from './pooling.ts'
export { UpSampling1D, UpSampling2D, UpSampling3D } from './upsampling.ts'
export { Cropping1D, Cropping2D, Cropping3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D } from './padding.ts'
export { Embedding } from './embedding.ts'
export { Masking } from './masking.ts'
export { ConvLSTM1D, ConvLSTM2D, ConvLSTM3D } from './recurrent/conv-lstm.ts'
export { GRU, GRUCell } from './recurrent/gru.ts'
export { LSTM, LSTMCell } from './recurrent/lstm.ts'
export { RNN } from './recurrent/rnn.ts'
export { SimpleRNN, SimpleRNNCell } from './recurrent/simple-rnn.ts'
export { StackedRNNCells } from './recurrent/stacked.ts'
export { AdditiveAttention, Attention } from './attention/attention.ts'
export { EinsumDense } from './attention/einsum-dense.ts'
export { GroupQueryAttention, MultiHeadAttention } from './attention/multi-head-attention.ts'
export { Bidirectional, TimeDistributed } from './wrappers.ts'
