/** What a picture of measurements shows, apart from how it is drawn. */

export interface PictureSeries {
  /** For the legend. */
  readonly name: string;
  readonly tone: Tone;
  /** One for each category. With a minimum and a maximum a line shows them. */
  readonly values: readonly PictureValue[];
}

/** strong: what is talked about; plain: what it is compared with. */
export type Tone = 'strong' | 'plain' | 'second' | 'third';

export interface PictureValue {
  readonly value: number;
  /** Where it is not that of its series. */
  readonly tone?: Tone;
  readonly min?: number;
  readonly max?: number;
}

/** Horizontal bars, a group for each category. */
export interface Panel {
  readonly title: string;
  readonly categories: readonly string[];
  readonly series: readonly PictureSeries[];
  readonly unit: 'ms' | 'bytes';
}

export interface Picture {
  readonly title: string;
  readonly notes: readonly string[];
  readonly panels: readonly Panel[];
}
