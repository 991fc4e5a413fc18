/** The few sentences the server says by itself, in the languages of the built-in opt-out words. A program's own content comes first. */
import { spokenLanguage } from '../programs/content.ts';
import type { Draft } from './draft.ts';

/** What is said when the program has no content for it. */
export interface Words {
  optedOut: string;
  optedIn: string;
  human: string;
  help: string;
  nothingFound: string;
  failed: string;
  /** Above the question that is open, where a button of an old message was pressed. */
  passed: string;
  /** Before the open question, asked again. */
  here: string;
}

const words: Readonly<Record<string, Words>> = {
  en: {
    optedOut: 'You will get no more messages from this program. Write START to go on.',
    optedIn: 'Good to have you back. You will get messages again.',
    human: 'A person will answer you here as soon as possible.',
    help: 'You can write STOP to get no more messages, RESTART to begin again, or HUMAN to talk to a person.',
    nothingFound: 'I find nothing about that in my documents.',
    failed: 'Something went wrong on our side. Please try again in a moment.',
    passed: 'That button belongs to an earlier message.',
    here: 'This is where we are:',
  },
  es: {
    optedOut: 'Ya no recibirás más mensajes de este programa. Escribe ALTA para seguir.',
    optedIn: 'Qué bueno tenerte de vuelta. Volverás a recibir mensajes.',
    human: 'Una persona te responderá aquí lo antes posible.',
    help: 'Puedes escribir BAJA para no recibir más mensajes, REINICIAR para empezar de nuevo o HUMANO para hablar con una persona.',
    nothingFound: 'No encuentro nada sobre eso en mis documentos.',
    failed: 'Algo falló de nuestro lado. Inténtalo de nuevo en un momento.',
    passed: 'Ese botón es de un mensaje anterior.',
    here: 'Estamos aquí:',
  },
  pt: {
    optedOut: 'Não receberá mais mensagens deste programa. Escreva VOLTAR para continuar.',
    optedIn: 'Que bom ter você de volta. Voltará a receber mensagens.',
    human: 'Uma pessoa responderá aqui assim que possível.',
    help: 'Pode escrever SAIR para não receber mais mensagens, REINICIAR para começar de novo ou HUMANO para falar com uma pessoa.',
    nothingFound: 'Não encontro nada sobre isso nos meus documentos.',
    failed: 'Algo correu mal do nosso lado. Tente de novo daqui a pouco.',
    passed: 'Esse botão é de uma mensagem anterior.',
    here: 'Estamos aqui:',
  },
  de: {
    optedOut: 'Sie erhalten keine Nachrichten dieses Programms mehr. Schreiben Sie START, um weiterzumachen.',
    optedIn: 'Schön, dass Sie wieder da sind. Sie erhalten wieder Nachrichten.',
    human: 'Ein Mensch antwortet Ihnen hier so bald wie möglich.',
    help: 'Sie können STOPP schreiben, um keine Nachrichten mehr zu erhalten, NEUSTART, um von vorne zu beginnen, oder MENSCH, um mit einem Menschen zu sprechen.',
    nothingFound: 'Dazu finde ich nichts in meinen Unterlagen.',
    failed: 'Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es gleich noch einmal.',
    passed: 'Dieser Knopf gehört zu einer früheren Nachricht.',
    here: 'Wir sind hier:',
  },
  fr: {
    optedOut: 'Vous ne recevrez plus de messages de ce programme. Écrivez REPRENDRE pour continuer.',
    optedIn: 'Ravi de vous revoir. Vous recevrez de nouveau des messages.',
    human: 'Une personne vous répondra ici dès que possible.',
    help: 'Vous pouvez écrire ARRET pour ne plus recevoir de messages, RECOMMENCER pour reprendre au début ou HUMAIN pour parler à une personne.',
    nothingFound: 'Je ne trouve rien à ce sujet dans mes documents.',
    failed: 'Un problème est survenu de notre côté. Réessayez dans un instant.',
    passed: 'Ce bouton appartient à un message précédent.',
    here: 'Nous en sommes ici :',
  },
};

/**
 * The sentences in the language the program speaks to its contact, which they read already; in the contact's own where no program runs or the
 * server has none in the program's; else in English.
 */
export function wordsOf({ program, contact }: Pick<Draft, 'program' | 'contact'>): Words {
  const spoken = program === null ? null : spokenLanguage(program.definition.meta.languages, contact.language);
  const found = [spoken, contact.language].map((language) => words[(language ?? '').slice(0, 2).toLowerCase()]);
  return found.find((one) => one !== undefined) ?? (words.en as Words);
}
