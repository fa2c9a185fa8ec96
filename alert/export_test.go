package alert

// MayDial is what tests ask without a name server.
var MayDial = mayDial
