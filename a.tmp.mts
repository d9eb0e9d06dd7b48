import { random, backendNames, setBackend, currentBackend } from '@typegrad/tensor'
import * as L from '@typegrad/layers'
const time=(n: string,f:()=>void)=>{ f(); const t=performance.now(); f(); console.log(currentBackend().name, n,(performance.now()-t).toFixed(0),'ms') }
for (const b of backendNames()) { setBackend(b)
const x=random.uniform([32,96,96,3])
const r=new L.RandomRotation({factor:0.1})
time('rotation 32x96x96x3',()=>r.apply(x,{training:true}))
const f=new L.RandomFlip(); time('flip',()=>f.apply(x,{training:true}))
const c=new L.RandomContrast({factor:0.1}); time('contrast',()=>c.apply(x,{training:true}))
const rs=new L.Resizing({height:64,width:64}); const big=random.uniform([32,224,224,3]); time('resize 32x224x224x3->64',()=>rs.apply(big))
const bn=new L.BatchNormalization(); time('bn 32x96x96x3 train',()=>bn.apply(x,{training:true}))
const ln=new L.LayerNormalization(); const t=random.normal([32,128,256]); time('ln 32x128x256',()=>ln.apply(t))
const d=new L.Discretization({numBins:50}); const v=random.normal([1000,100]); d.adapt(v); time('discretize 1e5x50',()=>d.apply(v))
}
const words=Array.from({length:5000},(_,i)=>'w'+i)
const texts=Array.from({length:25000},(_,i)=>Array.from({length:100},(_,k)=>words[(i*31+k*k)%5000]).join(' '))
const tv=new L.TextVectorization({maxTokens:4000,outputSequenceLength:100}); let t0=performance.now(); tv.adapt(texts); console.log('adapt 2.5M words',(performance.now()-t0).toFixed(0)); t0=performance.now(); tv.apply(texts);console.log('apply',(performance.now()-t0).toFixed(0))
const tf=new L.TextVectorization({maxTokens:4000,outputMode:'multiHot'}); tf.adapt(texts); t0=performance.now(); const y=tf.apply(texts.slice(0,500));console.log('multihot 500',y.shape,(performance.now()-t0).toFixed(0))
