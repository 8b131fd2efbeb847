import document from '@golden/openapi.json';

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const paths = document.paths as unknown as Record<string, Record<string, Operation>>;
const schemas = document.components.schemas as unknown as Record<string, Schema>;

/** Says what the API would refuse of a request, since its document does not have it: a path, a query parameter or a field; null where that is nothing. */
export async function refusalOf(request: Request): Promise<string | null> {
  const { pathname, searchParams } = new URL(request.url);
  const operation = operationOf(request.method, pathname);
  if (!operation) return `${request.method} ${pathname} is not in the document`;
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  for (const name of searchParams.keys()) {
    if (!query.some((parameter) => parameter.name === name)) return `${pathname} has no query parameter ${name}`;
  }
  const missing = query.find(({ name, required }) => required && !searchParams.get(name));
  if (missing) return `${pathname} needs the query parameter ${missing.name}`;
  const schema = operation.requestBody?.content['application/json']?.schema;
  if (!schema) return null;
  const field = unknownField(await request.clone().json(), schema, '');
  return field === null ? null : `${pathname} takes no field ${field}`;
}

function operationOf(method: string, pathname: string): Operation | undefined {
  const parts = pathname.split('/');
  const fits = (template: string[]) => template.length === parts.length && template.every((part, i) => part.startsWith('{') || part === parts[i]);
  // A path that is spelled out comes before one with parameters.
  const [path] = Object.keys(paths).filter((each) => fits(each.split('/'))).sort((a, b) => a.split('{').length - b.split('{').length);
  return path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
}

/** Returns the path of a field that the schema does not have; null where there is none. */
function unknownField(value: unknown, schema: Schema, at: string): string | null {
  const { properties, items } = schema.$ref ? (schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {}) : schema;
  if (Array.isArray(value)) return first(value.map((each, i) => unknownField(each, items ?? {}, `${at}[${i}]`)));
  if (typeof value !== 'object' || value === null) return null;
  return first(Object.entries(value).map(([name, inner]) => {
    const path = at ? `${at}.${name}` : name;
    const known = properties?.[name];
    return known ? unknownField(inner, known, path) : path;
  }));
}

function first(found: (string | null)[]): string | null {
  return found.find((each) => each !== null) ?? null;
}
