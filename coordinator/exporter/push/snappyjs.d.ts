/** The part of snappyjs that is used; the package has no types. */
declare module 'snappyjs' {
  const snappy: { compress(bytes: Uint8Array): Uint8Array };
  export default snappy;
}
