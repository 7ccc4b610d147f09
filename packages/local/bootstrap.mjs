// The first file that runs, on whatever Node is installed. It uses nothing that an old one could not read, so that
// an old one can be told so.
var oldest = 20
var version = process.versions.node

if (Number.parseInt(version, 10) >= oldest) {
  void import('./launch.mjs').then(function (launch) {
    return launch.launch(process.argv.slice(2))
  })
} else {
  console.error(
    'UrbanBloom needs Node ' +
      oldest +
      ' or newer to begin, and this is ' +
      version +
      ': install a newer one.',
  )
  process.exit(1)
}
