/** Class names in Keras' spellings, as types. */
type IsLower<C extends string> = C extends Uppercase<C> ? false : true
type IsUpper<C extends string> = C extends Lowercase<C> ? false : true

/** Whether Keras puts `_` before the capital C: after a small letter, or where a new word begins. */
type Splits<Before extends string, C extends string, After extends string> = Before extends ''
  ? false
  : IsUpper<C> extends false
    ? false
    : IsLower<Before> extends true
      ? true
      : After extends `${infer Next}${string}`
        ? IsLower<Next>
        : false

/** `'KLDivergence'` as `'kl_divergence'`. */
type KerasCase<S extends string, Before extends string = ''> = S extends `${infer C}${infer After}`
  ? `${Splits<Before, C, After> extends true ? '_' : ''}${Lowercase<C>}${KerasCase<After, C>}`
  : ''

type CamelCase<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<CamelCase<B>>}` : S

/** `'KLDivergence'`, `'kl_divergence'` and `'klDivergence'`. */
export type ClassSpelling<S extends string> = S | KerasCase<S> | CamelCase<KerasCase<S>>
