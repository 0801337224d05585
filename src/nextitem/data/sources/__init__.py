"""Where data come from: files of every form, public data sets, prepared folders; read at once or scanned."""
