import fc from 'fast-check'

// That a property fails is enough: it need not look for the smallest example.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true })
