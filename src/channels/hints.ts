/** What the server itself tells people outside a conversation, in their language where it is known. */

interface Hints {
  unreadable: string;
  unfetched: string;
  linked: string;
}

const english: Hints = {
  unreadable: 'I can read text and buttons. Please write it in words.',
  unfetched: 'I cannot open this file. Please send it smaller or as a picture, a voice note or a PDF.',
  linked: 'You are connected. We go on here where we were.',
};

const byLanguage: Readonly<Record<string, Hints>> = {
  en: english,
  es: {
    unreadable: 'Puedo leer texto y botones. Escríbelo con palabras, por favor.',
    unfetched: 'No puedo abrir este archivo. Envíalo más pequeño o como imagen, nota de voz o PDF.',
    linked: 'Ya estás conectado. Seguimos aquí donde lo dejamos.',
  },
  pt: {
    unreadable: 'Consigo ler texto e botões. Escreve por palavras, por favor.',
    unfetched: 'Não consigo abrir este ficheiro. Envia-o mais pequeno ou como imagem, nota de voz ou PDF.',
    linked: 'Estás ligado. Continuamos aqui onde ficámos.',
  },
  fr: {
    unreadable: 'Je lis le texte et les boutons. Écris-le avec des mots, s’il te plaît.',
    unfetched: 'Je ne peux pas ouvrir ce fichier. Envoie-le plus petit ou en image, note vocale ou PDF.',
    linked: 'Tu es connecté. On continue ici.',
  },
  de: {
    unreadable: 'Ich kann Text und Knöpfe lesen. Bitte schreib es in Worten.',
    unfetched: 'Diese Datei kann ich nicht öffnen. Bitte schick sie kleiner oder als Bild, Sprachnachricht oder PDF.',
    linked: 'Verbunden. Wir machen hier weiter, wo wir waren.',
  },
};

/** @param language BCP 47; English for one not known */
export function hintsFor(language: string | null): Hints {
  return byLanguage[language?.split('-')[0] ?? 'en'] ?? english;
}
