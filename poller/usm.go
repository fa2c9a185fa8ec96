package poller

import (
	"github.com/gosnmp/gosnmp"
)

// setUSM fills in the user-based security model (RFC 3414; AES: RFC 3826;
// SHA-2: RFC 7860). AES192 and AES256 extend keys as draft-blumenthal-aes-usm
// does, AES192C and AES256C as Cisco does (draft-reeder-snmpv3-usm-3desede).
func setUSM(g *gosnmp.GoSNMP, cred Credentials) {
	g.Version, g.SecurityModel, g.ContextName = gosnmp.Version3, gosnmp.UserSecurityModel, cred.Context
	g.MsgFlags = gosnmp.NoAuthNoPriv
	usm := &gosnmp.UsmSecurityParameters{UserName: cred.User}
	if auth, ok := authProtocols[cred.AuthProtocol]; ok {
		g.MsgFlags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = auth, cred.AuthPassword.Reveal()
		if priv, ok := privProtocols[cred.PrivProtocol]; ok {
			g.MsgFlags = gosnmp.AuthPriv
			usm.PrivacyProtocol, usm.PrivacyPassphrase = priv, cred.PrivPassword.Reveal()
		}
	}
	g.SecurityParameters = usm
}

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224,
	"SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192, "AES256": gosnmp.AES256,
	"AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
}
