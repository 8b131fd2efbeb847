// Package console serves the console: the pages for browsers, which read and
// change everything through the HTTP API.
//
// The pages are made from app/, by npm; pack.mjs puts what came out into dist/,
// compressed, where Go embeds it. Neither is in Git. Where dist/ is empty, as
// wherever Go builds without Node, a page is served that tells how to build.
package console
