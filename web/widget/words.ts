/** The words of the interface in its five languages, and which of them a person reads. */

/** Every text the widget shows by itself. `{n}` and `{name}` are filled in. */
export interface Words {
  title: string;
  open: string;
  close: string;
  unread: string;
  placeholder: string;
  send: string;
  log: string;
  empty: string;
  you: string;
  coach: string;
  person: string;
  typing: string;
  sending: string;
  queued: string;
  refused: string;
  tooLong: string;
  tooFast: string;
  retry: string;
  discard: string;
  today: string;
  yesterday: string;
  sources: string;
  page: string;
  offline: string;
  forbidden: string;
  newSession: string;
  serverError: string;
  points: string;
  streak: string;
  latest: string;
  attach: string;
  remove: string;
  yes: string;
  no: string;
  /** Five, from very bad to very good, with `|` between. */
  moods: string;
  sound: string;
}

const table = {
  en: {
    title: 'Chat',
    open: 'Open chat',
    close: 'Close chat',
    unread: '{n} unread',
    placeholder: 'Write a message',
    send: 'Send',
    log: 'Messages',
    empty: 'Say hello to begin.',
    you: 'You',
    coach: 'Coach',
    person: 'Team',
    typing: 'Writing',
    sending: 'Sending…',
    queued: 'Will be sent when you are back online',
    refused: 'Not sent',
    tooLong: 'Not sent: too long',
    tooFast: 'Not sent: too many at once',
    retry: 'Try again',
    discard: 'Discard',
    today: 'Today',
    yesterday: 'Yesterday',
    sources: 'Sources',
    page: 'page {n}',
    offline: 'No connection. Trying again; what you write is kept.',
    forbidden: 'This chat is not available on this site.',
    newSession: 'Your earlier conversation has ended. This is a new one.',
    serverError: 'Something went wrong on our side. Please try again.',
    points: '{n} points',
    streak: '{n}-day streak',
    latest: 'Newest messages',
    attach: 'Add a file',
    remove: 'Remove {name}',
    yes: 'Yes',
    no: 'No',
    moods: 'Very bad|Bad|So-so|Good|Very good',
    sound: 'Sound',
  },
  es: {
    title: 'Chat',
    open: 'Abrir el chat',
    close: 'Cerrar el chat',
    unread: '{n} sin leer',
    placeholder: 'Escribe un mensaje',
    send: 'Enviar',
    log: 'Mensajes',
    empty: 'Saluda para empezar.',
    you: 'Tú',
    coach: 'Coach',
    person: 'Equipo',
    typing: 'Escribiendo',
    sending: 'Enviando…',
    queued: 'Se enviará cuando vuelvas a tener conexión',
    refused: 'No enviado',
    tooLong: 'No enviado: demasiado largo',
    tooFast: 'No enviado: demasiados a la vez',
    retry: 'Reintentar',
    discard: 'Descartar',
    today: 'Hoy',
    yesterday: 'Ayer',
    sources: 'Fuentes',
    page: 'página {n}',
    offline: 'Sin conexión. Lo intentamos de nuevo; lo que escribas se guarda.',
    forbidden: 'Este chat no está disponible en este sitio.',
    newSession: 'Tu conversación anterior ha terminado. Esta es nueva.',
    serverError: 'Algo ha fallado por nuestra parte. Inténtalo de nuevo.',
    points: '{n} puntos',
    streak: 'Racha de {n} días',
    latest: 'Mensajes más recientes',
    attach: 'Adjuntar un archivo',
    remove: 'Quitar {name}',
    yes: 'Sí',
    no: 'No',
    moods: 'Muy mal|Mal|Regular|Bien|Muy bien',
    sound: 'Sonido',
  },
  pt: {
    title: 'Chat',
    open: 'Abrir o chat',
    close: 'Fechar o chat',
    unread: '{n} por ler',
    placeholder: 'Escreva uma mensagem',
    send: 'Enviar',
    log: 'Mensagens',
    empty: 'Diga olá para começar.',
    you: 'Você',
    coach: 'Coach',
    person: 'Equipe',
    typing: 'Escrevendo',
    sending: 'Enviando…',
    queued: 'Será enviada quando houver ligação',
    refused: 'Não enviada',
    tooLong: 'Não enviada: longa demais',
    tooFast: 'Não enviada: muitas de uma vez',
    retry: 'Tentar de novo',
    discard: 'Descartar',
    today: 'Hoje',
    yesterday: 'Ontem',
    sources: 'Fontes',
    page: 'página {n}',
    offline: 'Sem ligação. Estamos tentando de novo; o que escrever fica guardado.',
    forbidden: 'Este chat não está disponível neste site.',
    newSession: 'A sua conversa anterior terminou. Esta é uma nova.',
    serverError: 'Algo correu mal do nosso lado. Tente de novo.',
    points: '{n} pontos',
    streak: '{n} dias seguidos',
    latest: 'Mensagens mais recentes',
    attach: 'Anexar um ficheiro',
    remove: 'Remover {name}',
    yes: 'Sim',
    no: 'Não',
    moods: 'Muito mal|Mal|Mais ou menos|Bem|Muito bem',
    sound: 'Som',
  },
  de: {
    title: 'Chat',
    open: 'Chat öffnen',
    close: 'Chat schließen',
    unread: '{n} ungelesen',
    placeholder: 'Nachricht schreiben',
    send: 'Senden',
    log: 'Nachrichten',
    empty: 'Sag Hallo, um zu beginnen.',
    you: 'Du',
    coach: 'Coach',
    person: 'Team',
    typing: 'Schreibt',
    sending: 'Wird gesendet…',
    queued: 'Wird gesendet, sobald du wieder online bist',
    refused: 'Nicht gesendet',
    tooLong: 'Nicht gesendet: zu lang',
    tooFast: 'Nicht gesendet: zu viele auf einmal',
    retry: 'Erneut versuchen',
    discard: 'Verwerfen',
    today: 'Heute',
    yesterday: 'Gestern',
    sources: 'Quellen',
    page: 'Seite {n}',
    offline: 'Keine Verbindung. Neuer Versuch läuft; was du schreibst, bleibt erhalten.',
    forbidden: 'Dieser Chat ist auf dieser Seite nicht verfügbar.',
    newSession: 'Dein früheres Gespräch ist beendet. Dies ist ein neues.',
    serverError: 'Bei uns ist etwas schiefgegangen. Bitte versuche es noch einmal.',
    points: '{n} Punkte',
    streak: '{n} Tage in Folge',
    latest: 'Neueste Nachrichten',
    attach: 'Datei anhängen',
    remove: '{name} entfernen',
    yes: 'Ja',
    no: 'Nein',
    moods: 'Sehr schlecht|Schlecht|Geht so|Gut|Sehr gut',
    sound: 'Ton',
  },
  fr: {
    title: 'Chat',
    open: 'Ouvrir le chat',
    close: 'Fermer le chat',
    unread: '{n} non lus',
    placeholder: 'Écrivez un message',
    send: 'Envoyer',
    log: 'Messages',
    empty: 'Dites bonjour pour commencer.',
    you: 'Vous',
    coach: 'Coach',
    person: 'Équipe',
    typing: 'Écrit',
    sending: 'Envoi…',
    queued: 'Sera envoyé dès le retour de la connexion',
    refused: 'Non envoyé',
    tooLong: 'Non envoyé : trop long',
    tooFast: 'Non envoyé : trop à la fois',
    retry: 'Réessayer',
    discard: 'Supprimer',
    today: 'Aujourd’hui',
    yesterday: 'Hier',
    sources: 'Sources',
    page: 'page {n}',
    offline: 'Pas de connexion. Nouvel essai en cours ; ce que vous écrivez est conservé.',
    forbidden: 'Ce chat n’est pas disponible sur ce site.',
    newSession: 'Votre conversation précédente est terminée. En voici une nouvelle.',
    serverError: 'Un problème est survenu de notre côté. Veuillez réessayer.',
    points: '{n} points',
    streak: '{n} jours de suite',
    latest: 'Derniers messages',
    attach: 'Joindre un fichier',
    remove: 'Retirer {name}',
    yes: 'Oui',
    no: 'Non',
    moods: 'Très mal|Mal|Moyen|Bien|Très bien',
    sound: 'Son',
  },
} as const satisfies Record<string, Words>;

const rightToLeft = new Set(['ar', 'arc', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** The words for a language tag (BCP 47); English for what is not in the table. */
export function wordsFor(language: string): Words {
  const primary = primaryOf(language);
  return Object.hasOwn(table, primary) ? table[primary as keyof typeof table] : table.en;
}

/** The direction a language is written in. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return rightToLeft.has(primaryOf(language)) ? 'rtl' : 'ltr';
}

/** The words with `{n}` or `{name}` filled in. */
export function fill(words: string, value: string | number): string {
  return words.replace(/\{\w+\}/, () => String(value));
}

/** What the widget says about an item the server refused, by error code. */
export function refusalWords(words: Words, code: string): string {
  if (code === 'TOO_LARGE') return words.tooLong;
  return code === 'RATE_LIMITED' ? words.tooFast : words.refused;
}

function primaryOf(language: string): string {
  return (language.split(/[-_]/)[0] ?? '').toLowerCase();
}
