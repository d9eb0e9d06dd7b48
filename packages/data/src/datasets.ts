import { tensor, type Tensor } from '@typegrad/tensor'
import { parseCsv } from './csv/csv.ts'
import { isText } from './table/series.ts'
import { Table } from './table/table.ts'

/** A data set to try models on. */
export interface Dataset {
  /** Features, float32 of shape `[samples, features]`. */
  x: Tensor
  /** What is to be predicted: class numbers as int32, or a quantity as float32; shape `[samples]`. */
  y: Tensor
  /** Names of the columns of `x`. */
  featureNames: string[]
  /** Features and target as a table. */
  table: Table
  /** What it is and where it comes from. */
  description: string
}

export interface ClassificationDataset extends Dataset {
  /** Names of the classes. */
  targetNames: string[]
}

/** 150 irises of three species by the length and width of sepals and petals (Fisher, 1936). */
export async function loadIris(): Promise<ClassificationDataset> {
  const table = parseCsv((await import('./datasets/iris.ts')).default)
  return classes(table, ['setosa', 'versicolor', 'virginica'], 'Iris: 4 features of 150 flowers, 3 species (R. A. Fisher, 1936).')
}

/** 178 wines of three growers by chemical analysis (Aeberhard and Forina, 1992). */
export async function loadWine(): Promise<ClassificationDataset> {
  const table = parseCsv((await import('./datasets/wine.ts')).default)
  const description = 'Wine: 13 features of 178 wines from 3 growers (S. Aeberhard and M. Forina, 1992).'
  return classes(table, ['class_0', 'class_1', 'class_2'], description)
}

/** 569 tumours, malignant (0) or benign (1), by 30 features of their cell nuclei (Wolberg et al., 1993). */
export async function loadBreastCancer(): Promise<ClassificationDataset> {
  const table = parseCsv((await import('./datasets/breast-cancer.ts')).default)
  const description = 'Breast Cancer Wisconsin (Diagnostic): 30 features of 569 tumours (W. Wolberg et al., 1993).'
  return classes(table, ['malignant', 'benign'], description)
}

/** 442 diabetes patients: progress of the disease after a year, by ten features, unscaled (Efron et al., 2004). */
export async function loadDiabetes(): Promise<Dataset> {
  const table = parseCsv((await import('./datasets/diabetes.ts')).default)
  const features = table.drop('progression')
  return {
    x: features.toTensor(),
    y: table.column('progression').toTensor(),
    featureNames: features.columns,
    table,
    description:
      'Diabetes: 10 features of 442 patients and the progress of the disease (B. Efron et al., Annals of Statistics, 2004).',
  }
}

/** 1,797 handwritten digits as images of 8 × 8 pixels with values from 0 to 16 (Alpaydin and Kaynak, 1998). */
export async function loadDigits(): Promise<ClassificationDataset & { images: Tensor }> {
  const rows = (await import('./datasets/digits.ts')).default.trimEnd().split('\n')
  const names = Array.from({ length: 64 }, (_, i) => `pixel_${i >> 3}_${i & 7}`)
  const pixel = (i: number): Float64Array => Float64Array.from(rows, (row) => row.charCodeAt(i) - 97)
  const table = new Table([...names.map((name, i) => [name, pixel(i)] as const), ['digit', rows.map((row) => Number(row[64]))]])
  const description = 'Optical Recognition of Handwritten Digits: 1,797 images of 8 × 8 pixels (E. Alpaydin and C. Kaynak, 1998).'
  const digits = classes(table, '0123456789'.split(''), description)
  return { ...digits, images: digits.x.reshape([rows.length, 8, 8]) }
}

/** The last column is the class: its name, or its number. */
function classes(table: Table, targetNames: string[], description: string): ClassificationDataset {
  const target = table.columns.at(-1)!
  const features = table.drop(target)
  const labels = table.column(target).values
  const numbers = isText(labels) ? Int32Array.from(labels, (name) => targetNames.indexOf(name)) : Int32Array.from(labels)
  return { x: features.toTensor(), y: tensor(numbers), featureNames: features.columns, targetNames, table, description }
}
