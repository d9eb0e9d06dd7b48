// Tables
export { parseCsv, readCsv, readCsvChunks, type ReadCsvChunksOptions, type ReadCsvOptions } from './csv/csv.ts'
export type { CsvOptions } from './csv/builder.ts'
export type { ColumnDType } from './csv/column.ts'
export { Table, type ColumnName } from './table/table.ts'
export { Series, type SeriesLike, type SeriesValues } from './table/series.ts'

// Preparing data
export { batches, type Batches, type BatchesOptions } from './preprocessing/batches.ts'
export { confusionMatrix } from './preprocessing/confusion-matrix.ts'
export { getDummies, type GetDummiesOptions } from './preprocessing/get-dummies.ts'
export { LabelEncoder } from './preprocessing/label-encoder.ts'
export type { Labels } from './preprocessing/labels.ts'
export { MinMaxScaler, type MinMaxScalerOptions } from './preprocessing/min-max-scaler.ts'
export { padSequences, type PadSequencesOptions } from './preprocessing/pad-sequences.ts'
export { StandardScaler, type StandardScalerOptions } from './preprocessing/standard-scaler.ts'
export { timeseriesDatasetFromArray, type TimeseriesOptions } from './preprocessing/timeseries.ts'
export { toCategorical } from './preprocessing/to-categorical.ts'
export { kFold, type KFoldOptions } from './preprocessing/k-fold.ts'
export { trainTestSplit, type TrainTestSplitOptions } from './preprocessing/train-test-split.ts'
export { vectorizeSequences, type VectorizeSequencesOptions } from './preprocessing/vectorize-sequences.ts'

// Images
export { imageDatasetFromDirectory, type ImageBatches, type ImageDirectoryOptions } from './images/directory.ts'
export { arrayToImg, imgToArray, loadImg, saveImg, type ImgOptions, type LoadImgOptions } from './images/img.ts'
export type { ColorMode, Pixels } from './images/pixels.ts'

// Data sets
export {
  loadBreastCancer,
  loadDiabetes,
  loadDigits,
  loadIris,
  loadWine,
  type ClassificationDataset,
  type Dataset,
} from './datasets.ts'
export type { FileOptions } from './keras/fetch.ts'
export {
  loadBostonHousing,
  loadCaliforniaHousing,
  type CaliforniaHousingOptions,
  type HousingDataset,
  type HousingOptions,
} from './keras/housing.ts'
export { loadCifar10, loadFashionMnist, loadMnist, type FashionMnistOptions, type ImageDataset } from './keras/images.ts'
export { loadImdb, type Imdb, type LoadImdbOptions } from './keras/imdb.ts'
export { loadReuters, type LoadReutersOptions, type Reuters } from './keras/reuters.ts'
export { decodeReview, imdbWordIndex, reutersWordIndex, type WordIndexOptions } from './keras/word-index.ts'

export { CsvError, FormatError, LoadError } from './errors.ts'
export type { Source } from './source.ts'
