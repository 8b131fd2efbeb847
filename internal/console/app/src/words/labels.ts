/** What the fields of a request are called in a form, by their names in the API. */
export type Labels = Readonly<Record<string, string>>;

/** A field of the API in a sentence: each name that a form calls otherwise has an underscore, which no name of Kubernetes has. */
const NAME = /(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w./-]*[\w])/g;

/** A field of the API with its value, as a body of a request has it: `"size": "10Gi"`. */
const PAIR = /"[a-z_]+": "([^"]*)"/g;

/** Puts the API's words about a request into those of a form: fields are called as the form labels them. One that the form does not label stays as it is. */
export function inLabels(message: string, labels: Labels): string {
  return message.replace(PAIR, '$1').replace(NAME, (name) => (labels[name] === undefined ? name : `“${labels[name]}”`));
}
