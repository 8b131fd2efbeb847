// Runs the browser tests against a made-up Soteria, as the scenarios of e2e/scenarios/console_test.go run them on the
// cluster: `node rehearse.mjs [file]`. What each test leaves on the screen is in results/pictures.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { beside, withServer } from "./made-up.mjs";

const PHOTOS = { CLAIM_NAMESPACE: "demo", CLAIM: "photos" };
const LATE = { CLAIM_NAMESPACE: "demo", CLAIM: "late" };
const GROUP = "maintenance";

/** The tests in the order of the scenarios, and what each is told of the cluster. */
const ACTS = [
  { tests: "back-up.spec.ts", given: PHOTOS },
  { tests: "back-up-fails.spec.ts", given: { CLAIM_NAMESPACE: "demo", CLAIM: "broken", CAUSE: "repository is locked" } },
  { tests: "back-up-namespace.spec.ts", given: { NAMESPACE: "demo", CLAIMS: "photos" } },
  { tests: "restore.spec.ts", given: { ...PHOTOS, TARGET: "photos-again" } },
  { tests: "copy.spec.ts", given: { ...PHOTOS, TARGET: "photos-look" } },
  { tests: "as-of.spec.ts", given: { CLAIM_NAMESPACE: "team-000", CLAIM: "photos-0" } },
  { tests: "lost-namespace.spec.ts", given: { LOST_NAMESPACE: "attic", LOST_CLAIMS: "books notes wiki" } },
  { tests: "policy-made.spec.ts", given: PHOTOS },
  { tests: "policy-deleted.spec.ts", given: PHOTOS },
  { tests: "looks.spec.ts", given: PHOTOS },
  { tests: "held.spec.ts", given: { ...LATE, CAUSE: "connection refused" } },
  { tests: "brought-back.spec.ts", given: LATE, before: (api) => fetch(`${api}/mend`, { method: "POST" }) },
];
const DOUBTS = { tests: "doubts.spec.ts", given: { UNREVIEWED: "demo/photos", HELD: "demo/late" } };
const SIGNED_OUT = { tests: "signed-out.spec.ts", given: { ALLOWED_GROUP: GROUP } };

const [only] = process.argv.slice(2);
const results = join(import.meta.dirname, "results");
const failed = [];

function act({ tests, given }, address) {
  const env = { ...process.env, ...given, SOTERIA_URL: address, REHEARSAL: tests, PICTURES: join(results, "pictures") };
  const { status } = spawnSync(join("node_modules", ".bin", "playwright"), ["test", tests], { cwd: import.meta.dirname, env, stdio: "inherit" });
  if (status !== 0) failed.push(tests);
}

rmSync(results, { recursive: true, force: true });
const wanted = ({ tests }) => only === undefined || tests.startsWith(only);
await withServer(async (server) => {
  await beside(server, { claims: 200 }, async (address, api) => {
    for (const each of ACTS.filter(wanted)) {
      await each.before?.(api);
      act(each, address);
    }
  });
  if (wanted(DOUBTS)) await beside(server, { claims: 200, env: { MOCK_DOUBTS: "1" } }, (address) => act(DOUBTS, address));
  if (wanted(SIGNED_OUT)) await beside(server, { claims: 200, env: { MOCK_GROUP: GROUP } }, (address) => act(SIGNED_OUT, address));
});
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
