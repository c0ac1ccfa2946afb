/** Says why nothing of a file was imported, where it is none of its lines. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** What the lines were held against is no longer as it was. */
export const overtaken = (cause?: unknown): ImportError =>
  new ImportError(
    'Nothing was imported: while the file was read, somebody else took a name, an address, a member or a role of it. Import it again.',
    {
      cause,
    },
  );
