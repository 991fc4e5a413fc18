/** The models we know by name: what they are for and how they want to be asked. Others work as their server says. */

/** What an embedding model needs to be told and gives back. */
export interface EmbeddingTraits {
  /** Null: as many as the first answer has. */
  dimensions: number | null;
  passagePrefix: string;
  questionPrefix: string;
}

/** From the models' cards; the server adds no prefix by itself. */
const embeddings: Readonly<Record<string, EmbeddingTraits>> = {
  'nomic-embed-text': { dimensions: 768, passagePrefix: 'search_document: ', questionPrefix: 'search_query: ' },
  'mxbai-embed-large': { dimensions: 1024, passagePrefix: '', questionPrefix: 'Represent this sentence for searching relevant passages: ' },
  'all-minilm': { dimensions: 384, passagePrefix: '', questionPrefix: '' },
  'bge-m3': { dimensions: 1024, passagePrefix: '', questionPrefix: '' },
};

/** Families of models that may be fetched on a creator's word; a server full of anything else is the operator's doing. */
const fetchable =
  /^(?:llama2|llama3|llama3\.[123]|mistral|mistral-nemo|gemma2|gemma3|qwen2\.5|qwen3|phi3|phi4|nomic-embed-text|mxbai-embed-large|all-minilm|bge-m3)(?::[\w.-]{1,60})?$/;

/** How a model embeds, by its name with or without a tag. */
export function embeddingTraits(name: string): EmbeddingTraits {
  const family = name.split(':')[0] ?? name;
  return (
    (Object.hasOwn(embeddings, family) ? embeddings[family] : undefined) ?? { dimensions: null, passagePrefix: '', questionPrefix: '' }
  );
}

/** Whether a creator may have this model fetched. */
export function isFetchable(name: string): boolean {
  return fetchable.test(name);
}

/** A model's name as its server lists it: `mistral` is `mistral:latest`. */
export function fullName(name: string): string {
  return name.includes(':') ? name : `${name}:latest`;
}
