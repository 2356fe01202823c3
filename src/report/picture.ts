/** Pictures on pages. */

/** A picture that is part of the page, or null for anything that would be loaded from elsewhere or could be a script. */
export function safePicture(uri: string | undefined): string | null {
  return uri !== undefined && /^data:image\/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$/.test(uri) ? uri : null;
}

/** Makes a picture a `data:` URI; a platform has its own. Three bytes per pixel, row by row from the top. */
export type PictureEncoder = (picture: { readonly width: number; readonly height: number; readonly data: Uint8Array }) => Promise<string>;
