/** What a picture shows, read out of its SVG: ECharts draws with paths and texts, one element a line or many. */
export interface Drawn {
  readonly width: number;
  readonly height: number;
  /** All texts, in the order in which they are drawn. */
  readonly texts: readonly string[];
  /** Fill colour → how many shapes have it. */
  readonly fills: ReadonlyMap<string, number>;
}

const unescape = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');

export function readSvg(svg: string): Drawn {
  const [, width, height] = /^<svg width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
  const fills = new Map<string, number>();
  for (const [, fill = ''] of svg.matchAll(/<(?:path|rect)[^>]* fill="(#[0-9a-f]{6})"/g)) fills.set(fill, (fills.get(fill) ?? 0) + 1);
  return {
    width: Number(width),
    height: Number(height),
    texts: [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => unescape(text)),
    fills,
  };
}

/** Whether every tag that is opened is closed, and every attribute is between quotes, and no character is one that XML has not. */
export function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const tag = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  const rest = xml.replace(tag, (_, end: string, name: string, _attributes: string, empty: string) => {
    if (end !== '') {
      if (open.pop() !== name) open.push('mismatch');
    } else if (empty === '') open.push(name);
    return '';
  });
  return open.length === 0 && !/[<>]/.test(rest) && !/(?!\n)\p{Cc}/u.test(xml) && !/&(?!#\d+;|amp;|lt;|gt;|quot;)/.test(xml);
}
