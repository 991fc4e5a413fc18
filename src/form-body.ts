/** A form, written out before it is sent. */

/** A body with the header that says what it is. */
export interface FormBody {
  body: ArrayBuffer;
  contentType: string;
}

/**
 * Writes a form out as it goes over the wire. Node's `fetch` writes one while it sends it, and where that is cut short it leaves behind a
 * rejection that nobody can hear, which ends the process.
 */
export async function writtenForm(form: FormData): Promise<FormBody> {
  const written = new Response(form);
  return { body: await written.arrayBuffer(), contentType: written.headers.get('content-type') ?? '' };
}
