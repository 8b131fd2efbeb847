// Serves the console that is built in, as Soteria does, in front of the API of a made-up cluster.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "..", "..");
const mock = join(root, "internal", "console", "app", "dev", "mock.mjs");

/** Builds what serves the console, and gives it to who needs it. */
export async function withServer(run) {
  const folder = mkdtempSync(join(tmpdir(), "soteria-console-"));
  const server = join(folder, "serve");
  try {
    execFileSync("go", ["build", "-o", server, "./e2e/console/serve"], { cwd: root, stdio: "inherit" });
    return await run(server);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs what is given beside a console with so many claims; it is told the addresses of the console and of the API. */
export async function beside(server, { claims, env = {} }, run) {
  return started("node", [mock, "0", String(claims)], env, (api) => started(server, ["-api", api], {}, (address) => run(address, api)));
}

/** Runs what is given while a program runs that prints its address as its first line. */
async function started(program, args, env, run) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  try {
    const address = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`${program} ${args.join(" ")} ended`)));
    });
    return await run(address);
  } finally {
    child.kill();
  }
}
